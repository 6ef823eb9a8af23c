"""The lives of clusters, with steps that fail before anything is run: their scripts are not in S3."""

import time

import pytest
from botocore.exceptions import EndpointConnectionError

from infra.local.emr_records import Cluster, ClusterState, OnFailure, Records, Step, StepState
from infra.local.emr_runs import ClusterOverError, Clusters

DEADLINE_SECONDS = 10


class EmptyS3:
    def download_file(self, bucket, key, _path):
        raise EndpointConnectionError(endpoint_url=f"s3://{bucket}/{key}")


class Bus:
    def __init__(self) -> None:
        self.details: list[str] = []

    def put_events(self, Entries):  # noqa: N803  boto3's name
        self.details += [entry["Detail"] for entry in Entries]
        return {"Entries": [{} for _ in Entries]}


@pytest.fixture
def bus():
    return Bus()


@pytest.fixture
def clusters(tmp_path, bus):
    found = Clusters(Records(tmp_path / "clusters"), tmp_path / "steps", EmptyS3(), bus)
    yield found
    found.stop()


def a_step(step_id: str, on_failure: OnFailure) -> Step:
    arguments = ["spark-submit", "s3://gone/a.py"]
    return Step(step_id, step_id, on_failure, "command-runner.jar", arguments, {}, created=time.time())


def a_cluster(*steps: Step, stays: bool = False, idle_seconds: float | None = None) -> Cluster:
    request = {"Name": "retrain", "Instances": {"KeepJobFlowAliveWhenNoSteps": stays}}
    if idle_seconds:
        request["AutoTerminationPolicy"] = {"IdleTimeout": idle_seconds}
    return Cluster("j-1", request, time.time(), steps=list(steps))


def wait_for(cluster: Cluster, *states: ClusterState) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while cluster.state not in states and time.monotonic() < deadline:
        time.sleep(0.005)
    assert cluster.state in states


def test_a_failed_step_ends_the_cluster_and_cancels_the_rest(clusters):
    cluster = a_cluster(
        a_step("s-1", OnFailure.TERMINATE_CLUSTER), a_step("s-2", OnFailure.TERMINATE_CLUSTER)
    )
    clusters.start(cluster)
    wait_for(cluster, ClusterState.TERMINATED_WITH_ERRORS)
    assert (cluster.reason_code, cluster.reason) == ("STEP_FAILURE", "Shut down as step failed")
    assert [step.state for step in cluster.steps] == [StepState.FAILED, StepState.CANCELLED]
    assert "s3://gone/a.py could not be fetched" in cluster.steps[0].failure["Message"]


def test_a_failed_step_that_may_fail_lets_the_next_run(clusters):
    cluster = a_cluster(a_step("s-1", OnFailure.CONTINUE), a_step("s-2", OnFailure.CONTINUE))
    clusters.start(cluster)
    wait_for(cluster, ClusterState.TERMINATED)
    assert (cluster.reason_code, cluster.reason) == ("ALL_STEPS_COMPLETED", "Steps completed with errors")
    assert [step.state for step in cluster.steps] == [StepState.FAILED, StepState.FAILED]


def test_a_cluster_that_stays_waits_after_cancelling_what_was_left(clusters):
    cluster = a_cluster(
        a_step("s-1", OnFailure.CANCEL_AND_WAIT), a_step("s-2", OnFailure.CONTINUE), stays=True
    )
    clusters.start(cluster)
    wait_for(cluster, ClusterState.WAITING)
    assert [step.state for step in cluster.steps] == [StepState.FAILED, StepState.CANCELLED]
    clusters.add_steps(cluster, [a_step("s-3", OnFailure.TERMINATE_CLUSTER)])
    wait_for(cluster, ClusterState.TERMINATED_WITH_ERRORS)


def test_an_idle_cluster_ends_by_its_policy(clusters):
    cluster = a_cluster(stays=True, idle_seconds=0.05)
    clusters.start(cluster)
    wait_for(cluster, ClusterState.TERMINATED)
    assert cluster.reason == "Idle for 0.05 seconds"


def test_a_cluster_that_is_over_takes_no_steps(clusters):
    cluster = a_cluster()
    clusters.start(cluster)
    wait_for(cluster, ClusterState.TERMINATED)
    with pytest.raises(ClusterOverError):
        clusters.add_steps(cluster, [a_step("s-1", OnFailure.CONTINUE)])
    clusters.terminate(cluster)
    assert cluster.state is ClusterState.TERMINATED


def test_a_pending_step_can_be_cancelled_once(clusters):
    cluster = a_cluster(stays=True)
    clusters.start(cluster)
    wait_for(cluster, ClusterState.WAITING)
    with clusters.unchanging:
        clusters.add_steps(cluster, [a_step("s-1", OnFailure.TERMINATE_CLUSTER)])
        assert clusters.cancel(cluster, "s-1")
        assert not clusters.cancel(cluster, "s-1")
    assert cluster.steps[0].state is StepState.CANCELLED
    assert cluster.state is ClusterState.WAITING


def test_what_ran_when_the_emr_was_killed_ends_with_that_reason_at_the_next_start(tmp_path, bus):
    records = Records(tmp_path / "clusters")
    steps = [a_step("s-1", OnFailure.CONTINUE), a_step("s-2", OnFailure.CONTINUE)]
    steps[0].state = StepState.RUNNING
    cluster = a_cluster(*steps)
    cluster.state = ClusterState.RUNNING
    records.save(cluster)
    found = Clusters(records, tmp_path / "steps", EmptyS3(), bus)
    found.stop()
    again = found.get("j-1")
    assert again is not None
    assert again.state is ClusterState.TERMINATED_WITH_ERRORS
    assert again.reason == "The local EMR was killed while the cluster was active"
    assert [step.state for step in again.steps] == [StepState.FAILED, StepState.CANCELLED]
    assert any("TERMINATED_WITH_ERRORS" in detail for detail in bus.details)


def test_a_stop_ends_what_is_active_and_says_so(tmp_path, bus):
    found = Clusters(Records(tmp_path / "clusters"), tmp_path / "steps", EmptyS3(), bus)
    cluster = a_cluster(stays=True)
    found.start(cluster)
    wait_for(cluster, ClusterState.WAITING)
    found.stop()
    assert cluster.state is ClusterState.TERMINATED_WITH_ERRORS
    assert cluster.reason == "The local EMR was stopped while the cluster was active"
    assert Records(tmp_path / "clusters").load() == [cluster]


def test_logs_of_forgotten_clusters_are_cleared(tmp_path, bus):
    records = Records(tmp_path / "clusters")
    old = a_cluster(a_step("s-OLD", OnFailure.CONTINUE))
    old.created, old.ended, old.state = 1.0, 2.0, ClusterState.TERMINATED
    records.save(old)
    (tmp_path / "steps" / "s-OLD").mkdir(parents=True)
    Clusters(records, tmp_path / "steps", EmptyS3(), bus).stop()
    assert list((tmp_path / "steps").iterdir()) == []
    assert list((tmp_path / "clusters").iterdir()) == []
