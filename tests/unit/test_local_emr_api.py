"""What the local EMR refuses, before any cluster exists, and the forms it answers in."""

import re
from datetime import UTC, datetime

import pytest

from infra.local import emr_api, emr_events
from infra.local.emr_records import Cluster, ClusterState, OnFailure, Records, Step, StepState, new_id

REQUEST = {
    "Name": "retrain",
    "ReleaseLabel": "emr-spark-8.1.0",
    "Applications": [{"Name": "Spark"}],
    "JobFlowRole": "nodes",
    "ServiceRole": "service",
    "Instances": {"InstanceGroups": [{"InstanceRole": "MASTER"}], "KeepJobFlowAliveWhenNoSteps": False},
}
STEP = {"Name": "ingest", "HadoopJarStep": {"Jar": "command-runner.jar", "Args": ["spark-submit", "a.py"]}}
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC).timestamp()


def a_cluster(**changes) -> Cluster:
    step = Step(
        "s-1", "ingest", OnFailure.CONTINUE, "command-runner.jar", ["spark-submit", "a.py"], {}, created=NOON
    )
    return Cluster(**{"id": "j-1", "request": REQUEST, "created": NOON, "steps": [step]} | changes)


@pytest.mark.parametrize("release", ["emr-7.14.0", "emr-spark-8.1.0"])
def test_a_whole_request_is_taken(release):
    emr_api.check_cluster(REQUEST | {"ReleaseLabel": release, "AutoTerminationPolicy": {"IdleTimeout": 3600}})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ReleaseLabel": "8.1.0"}, "The supplied release label is invalid: 8.1.0."),
        ({"JobFlowRole": ""}, "InstanceProfile is required"),
        ({"ServiceRole": None}, "ServiceRole is required"),
        ({"Instances": {}}, "groups, fleets or a master's instance type"),
        ({"Applications": [{"Name": "Hive"}]}, "Spark is not among them"),
        ({"LogUri": "/var/log"}, "is no place in S3"),
        ({"AutoTerminationPolicy": {"IdleTimeout": 59}}, "IdleTimeout 59 is not between 60 and 604800"),
        ({"StepConcurrencyLevel": 2}, "one step at a time"),
        ({"Steps": [STEP] * 257}, "Maximum number of active steps"),
    ],
)
def test_what_emr_would_refuse_is_refused(change, message):
    with pytest.raises(emr_api.ValidationError, match=re.escape(message)):
        emr_api.check_cluster(REQUEST | change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ActionOnFailure": "GIVE_UP"}, "Value 'GIVE_UP' at 'steps.1.member.actionOnFailure'"),
        ({"HadoopJarStep": {}}, "Step 1 needs a Name and a HadoopJarStep with a Jar"),
        ({"Name": ""}, "Step 1 needs a Name"),
    ],
)
def test_a_step_that_is_none_is_refused(change, message):
    with pytest.raises(emr_api.ValidationError, match=re.escape(message)):
        emr_api.read_steps([STEP | change])


def test_ids_look_as_emr_s():
    assert re.fullmatch(r"j-[0-9A-Z]{13}", new_id("j-"))
    assert re.fullmatch(r"s-[0-9A-Z]{13}", new_id("s-"))


def test_a_failed_step_tells_why():
    failure = {"Reason": "exit", "Message": "no orders", "LogFile": "s3://b/stderr.gz"}
    step = a_cluster().steps[0]
    step.state, step.reason, step.failure, step.started = StepState.FAILED, "no orders", failure, NOON + 1
    assert emr_api.describe_step(step)["Status"] == {
        "State": "FAILED",
        "StateChangeReason": {"Message": "no orders"},
        "Timeline": {"CreationDateTime": NOON, "StartDateTime": NOON + 1},
        "FailureDetails": failure,
    }


def test_a_cluster_comes_back_from_its_file_as_it_was(tmp_path):
    records = Records(tmp_path)
    older, newer = a_cluster(), a_cluster(id="j-2", created=NOON + 1, state=ClusterState.WAITING)
    newer.steps[0].state = StepState.FAILED
    records.save(newer)
    records.save(older)
    assert Records(tmp_path).load() == [older, newer]


def test_a_cluster_that_ended_two_months_ago_is_forgotten(tmp_path):
    records = Records(tmp_path)
    records.save(a_cluster(state=ClusterState.TERMINATED, created=1.0, ended=2.0))
    assert records.load() == []
    assert list(tmp_path.iterdir()) == []


def test_a_cluster_s_event_is_in_emr_s_form():
    cluster = a_cluster(
        state=ClusterState.TERMINATED_WITH_ERRORS, reason_code="STEP_FAILURE", reason="Shut down"
    )
    assert emr_events.cluster_event(cluster, NOON) == {
        "Source": "local.emr",
        "DetailType": "EMR Cluster State Change",
        "Detail": '{"severity": "CRITICAL", '
        '"stateChangeReason": "{\\"code\\": \\"STEP_FAILURE\\", \\"message\\": \\"Shut down\\"}", '
        '"name": "retrain", "clusterId": "j-1", "state": "TERMINATED_WITH_ERRORS", '
        '"message": "Amazon EMR cluster j-1 (retrain) has terminated with errors at 2026-11-20 12:00 UTC '
        'with a reason of STEP_FAILURE."}',
    }


def test_emr_sends_no_event_of_bootstrapping():
    assert emr_events.cluster_event(a_cluster(state=ClusterState.BOOTSTRAPPING), NOON) is None


def test_every_state_of_a_step_has_its_event():
    for state in StepState:
        cluster = a_cluster()
        cluster.steps[0].state = state
        event = emr_events.step_event(cluster, cluster.steps[0], NOON)
        assert event["DetailType"] == "EMR Step Status Change"
        assert f'"state": "{state}"' in event["Detail"]


class Bus:
    """An event bus that refuses what it is told to."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        self.took: list[str] = []

    def put_events(self, Entries):  # noqa: N803  boto3's name
        if self.refusals:
            self.refusals -= 1
            return {"Entries": [{}, {"ErrorCode": "ThrottlingException"}][: len(Entries)]}
        self.took += [entry["Detail"] for entry in Entries]
        return {"Entries": [{} for _ in Entries]}


def test_events_that_the_bus_refuses_are_offered_again_in_order():
    """Of two, the first is taken and the second refused; nothing is lost, nothing overtakes."""
    bus, unsent = Bus(refusals=1), [{"Detail": "1"}, {"Detail": "2"}]
    sent: list[str] = []

    def strike_out(entries):
        sent.extend(entry["Detail"] for entry in entries)
        del unsent[: len(entries)]

    sender = emr_events.Sender(bus, lambda most: unsent[:most], strike_out)
    sender.wake()
    sender.stop()
    emr_events.Sender(bus, lambda most: unsent[:most], strike_out).stop()
    assert sent == ["1", "2"]
    assert bus.took == ["2"]
