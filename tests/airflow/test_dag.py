"""The Airflow DAG: what it is made of, and whole runs of it against an AWS that keeps what it is asked."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

if not find_spec("airflow"):  # imported it would settle in the home folder before a test says where
    pytest.skip("Airflow has an environment of its own: make check-airflow", allow_module_level=True)

PROJECT = Path(__file__).resolve().parents[2]
REQUEST = json.loads((PROJECT / "infra" / "emr_retrain.json").read_text())
STEPS = {step["Name"]: step for step in REQUEST["Steps"]}
STARTED = {
    "started": True,
    "message": "run 7 started on cluster j-7",
    "run": 7,
    "cluster": "j-7",
    "steps": STEPS,
}
TOPIC = "arn:aws:sns:us-east-1:000000000000:team"


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """An Airflow with an empty database, and nobody's credentials."""
    home = tmp_path_factory.mktemp("airflow")
    own = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "infra" / "airflow"),
        "AIRFLOW_VAR_CADABRA_NOTICES": TOPIC,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in own.items():
            patch.setenv(name, value)
        subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, capture_output=True)
        yield home


@pytest.fixture(scope="session")
def bag(home):  # noqa: ARG001 (it is where Airflow lives)
    from airflow.dag_processing.dagbag import DagBag

    return DagBag()


@pytest.fixture
def dag(bag):
    return bag.dags["cadabra_retrain"]


def test_the_folder_holds_this_one_dag_and_no_errors(bag):
    assert bag.import_errors == {}
    assert list(bag.dags) == ["cadabra_retrain"]


def test_its_tasks_come_in_the_order_of_the_request_s_steps(dag):
    way = ["create_cluster"]
    for step in STEPS:
        way += [step, f"wait_for_{step}"]
    for before, after in zip(way, [*way[1:], "end_cluster"], strict=True):
        assert after in dag.get_task(before).downstream_task_ids
    assert list(STEPS) == ["ingest", "retrain"]


def test_the_cluster_ends_and_a_failure_is_told_whatever_failed(dag):
    others = set(dag.task_ids) - {"create_cluster", "tell_success", "tell_failure"}
    end, failed = dag.get_task("end_cluster"), dag.get_task("tell_failure")
    assert end.is_teardown
    assert end.trigger_rule.value == "all_done_setup_success"
    assert dag.get_task("create_cluster").is_setup
    assert failed.trigger_rule.value == "one_failed"
    assert failed.upstream_task_ids == others


def test_nothing_is_sent_twice_and_nothing_piles_up(dag):
    assert {dag.get_task(name).retries for name in ("create_cluster", *STEPS)} == {0}
    assert (dag.catchup, dag.max_active_runs) == (False, 1)


def test_no_secret_stands_in_the_source():
    text = (PROJECT / "infra" / "airflow" / "cadabra_retrain.py").read_text().lower()
    assert not [word for word in ("aws_access_key", "aws_secret", "password", "arn:aws") if word in text]


@pytest.fixture
def run(dag, monkeypatch):
    """`run(answer, failing)`: the state of a whole run, each task's state, and what AWS was asked for."""
    sys.path.insert(0, str(Path(__file__).parent))
    from aws import Aws

    def run(answer, failing=()):
        with Aws(answer, failing) as aws:
            monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
            ended = dag.test()
            states = {one.task_id: str(one.state) for one in ended.get_task_instances()}
            return str(ended.state), states, aws.asked

    yield run
    sys.path.remove(str(Path(__file__).parent))


def test_a_run_sends_the_steps_one_by_one_and_ends_its_cluster(run):
    state, _, asked = run(STARTED)
    assert state == "success"
    assert asked[0] == ("Invoke", ("cadabra-start-retrain", {"stay": True}))
    sent = [{"JobFlowId": "j-7", "Steps": [step]} for step in STEPS.values()]
    assert [body for action, body in asked if action == "AddJobFlowSteps"] == sent
    assert ("TerminateJobFlows", {"JobFlowIds": ["j-7"]}) in asked
    (told,) = [message for action, message in asked if action == "Publish"]
    assert "ended well" in told


def test_after_a_failed_ingest_nothing_is_trained_the_cluster_ends_and_it_is_told(run):
    state, states, asked = run(STARTED, failing=["ingest"])
    assert state == "failed"
    assert states["retrain"] == "upstream_failed"
    assert ("TerminateJobFlows", {"JobFlowIds": ["j-7"]}) in asked
    (told,) = [message for action, message in asked if action == "Publish"]
    assert "has FAILED" in told
    assert "docs/operations.md, A failed run" in told


def test_while_another_run_is_active_all_is_skipped_and_no_cluster_is_ended(run):
    refused = {"started": False, "message": "run 6 is active", "run": 6, "cluster": "j-6"}
    state, states, asked = run(refused)
    assert set(states.values()) == {"skipped"}
    assert [action for action, _ in asked] == ["Invoke"]
    assert state == "success"


def test_where_no_cluster_can_be_made_it_is_told_and_none_is_ended(run):
    state, states, asked = run({"errorMessage": "EMR is away"})
    assert (state, states["create_cluster"]) == ("failed", "failed")
    assert [action for action, _ in asked] == ["Invoke", "Publish"]
