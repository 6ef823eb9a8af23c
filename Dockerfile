# Everything of Cadabra's own in docker-compose.yml: the shop, the agent, the local Firehose, EMR and Glue, deploy.
# What changes least comes first: the system, the locked environments, Spark's jars, and last the project.
FROM python:3.11.14-slim-bookworm

# Spark runs on Java 17; LightGBM's wheel wants the system's libgomp.
# hadolint ignore=DL3008
RUN apt-get update \
 && mkdir -p /usr/share/man/man1 \
 && apt-get install --yes --no-install-recommends libgomp1 openjdk-17-jre-headless \
 && rm -rf /var/lib/apt/lists/*

# A named volume takes its owner from the folder it is laid over.
RUN useradd --create-home --uid 10001 cadabra \
 && install --directory --owner cadabra \
      /opt/cadabra /var/log/cadabra /var/lib/cadabra/agent /var/lib/cadabra/emr /var/lib/cadabra/firehose

USER 10001
WORKDIR /opt/cadabra
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONUNBUFFERED=1

COPY --chown=cadabra requirements/local-aws.lock requirements/
RUN python -m venv .venv-local-aws \
 && .venv-local-aws/bin/python -m pip install --quiet --require-hashes -r requirements/local-aws.lock

COPY --chown=cadabra requirements/app.lock requirements/
RUN python -m venv .venv \
 && .venv/bin/python -m pip install --quiet --require-hashes -r requirements/app.lock
ENV PATH=/opt/cadabra/.venv/bin:$PATH

# Of the project only what fetches the jars: 110 MB that a change elsewhere need not bring again.
COPY --chown=cadabra infra/__init__.py infra/console.py infra/problem.py infra/
COPY --chown=cadabra infra/local infra/local
RUN python -m infra.local.spark_jars

COPY --chown=cadabra . .
RUN python -m pip install --quiet --no-deps --no-build-isolation --editable .
