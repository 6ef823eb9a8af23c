"""One retrain runs at a time: the lease in the real local DynamoDB, and an EMR that records its requests."""

import json
from contextlib import suppress

import boto3
import pytest

from contracts import lease
from contracts.lease import LeaseHeldError, LeaseLostError
from contracts.s3_layout import EMR_REQUEST
from start_retrain import handler
from start_retrain.run import Clients, RequestMissingError, Settings, start

NOW = 1_795_173_509


class RecordingEmr:
    """Clusters by name with their state; what run_job_flow was sent."""

    class exceptions:  # noqa: N801 (boto3's name)
        class InvalidRequestException(Exception): ...  # noqa: N818 (EMR's name)

    def __init__(self, *, refuses=False, looks_until_ended=0):
        self.refuses = refuses
        self.looks_until_ended = looks_until_ended  # how often a terminated cluster is still seen ending
        self.clusters = {}
        self.requests = []

    def run_job_flow(self, **request):
        if self.refuses:
            raise ConnectionError("EMR is away")
        self.requests.append(request)
        name = f"j-{len(self.requests)}"
        self.clusters[name] = "RUNNING"
        return {"JobFlowId": name}

    def describe_cluster(self, ClusterId):  # noqa: N803 (boto3's name)
        if ClusterId not in self.clusters:
            raise self.exceptions.InvalidRequestException
        state = self.clusters[ClusterId]
        if state == "TERMINATING":
            self.looks_until_ended -= 1
            if self.looks_until_ended <= 0:
                self.clusters[ClusterId] = "TERMINATED"
        return {"Cluster": {"Status": {"State": state}}}

    def terminate_job_flows(self, JobFlowIds):  # noqa: N803 (boto3's name)
        for name in JobFlowIds:
            if name not in self.clusters:
                raise self.exceptions.InvalidRequestException
            self.clusters[name] = "TERMINATING"


@pytest.fixture
def table(place):
    """The place's table, and the EMR request in its bucket."""
    request = {
        "Name": "retrain-${Run}",
        "AutoTerminationPolicy": {"IdleTimeout": 3600},
        "Instances": {"KeepJobFlowAliveWhenNoSteps": False},
        "Steps": [{"Name": "retrain", "HadoopJarStep": {"Args": ["spark-submit", "--run", "${Run}"]}}],
    }
    body = json.dumps(request).encode()
    boto3.client("s3").put_object(Bucket=place, Key=EMR_REQUEST, Body=body)
    return place


@pytest.fixture
def emr():
    return RecordingEmr()


def begin(table, emr, now=NOW, event=None, run_seconds=3000):
    clients = Clients(boto3.client("dynamodb"), emr, boto3.client("s3"))
    settings = Settings(
        table, table, run_seconds=run_seconds, clock=lambda: now, end_polls=3, pause=lambda _: None
    )
    return start(clients, settings, event or {})


def held(table):
    return lease.read(boto3.client("dynamodb"), table)


def test_a_start_takes_the_lease_and_sends_the_request_with_its_number(table, emr):
    answer = begin(table, emr)
    assert (answer["started"], answer["run"], answer["cluster"]) == (True, NOW, "j-1")
    assert emr.requests[0]["Name"] == f"retrain-{NOW}"
    assert emr.requests[0]["Steps"][0]["HadoopJarStep"]["Args"][-1] == str(NOW)
    assert held(table) == lease.Lease(NOW, NOW + 3000, "j-1")


def test_a_steps_own_arguments_are_added_to_it(table, emr):
    begin(table, emr, event={"arguments": {"retrain": ["--as-of", "2026-11-20"]}})
    assert emr.requests[0]["Steps"][0]["HadoopJarStep"]["Args"][-2:] == ["--as-of", "2026-11-20"]


def test_a_second_start_does_nothing_and_says_why(table, emr):
    begin(table, emr)
    answer = begin(table, emr, NOW + 60)
    assert answer["started"] is False
    assert f"run {NOW} is active (on cluster j-1); it ends within 2940 s" in answer["message"]
    assert len(emr.requests) == 1


def test_a_start_follows_a_run_that_gave_its_lease_back(table, emr):
    begin(table, emr)
    assert lease.release(boto3.client("dynamodb"), table, NOW)
    assert begin(table, emr, NOW + 60)["run"] == NOW + 60


def test_a_number_only_grows_even_within_a_second(table, emr):
    begin(table, emr)
    lease.release(boto3.client("dynamodb"), table, NOW)
    assert begin(table, emr, NOW)["run"] == NOW + 1


def test_a_run_whose_cluster_ended_without_giving_back_is_cleared_away(table, emr):
    begin(table, emr)
    emr.clusters["j-1"] = "TERMINATED_WITH_ERRORS"
    assert begin(table, emr, NOW + 60)["started"] is True


@pytest.mark.parametrize("later", [60, 3001])
def test_a_run_whose_cluster_nobody_knows_is_cleared_away(table, emr, later):
    begin(table, emr)
    emr.clusters.clear()
    assert begin(table, emr, NOW + later)["started"] is True


def test_an_overdue_run_is_ended_and_replaced(table, emr):
    begin(table, emr)
    assert begin(table, emr, NOW + 3001)["started"] is True
    assert emr.clusters["j-1"] == "TERMINATED"


def test_after_the_wait_for_an_overdue_runs_cluster_the_new_lease_counts_from_then(table):
    """Counted from before, it could be over before the new cluster's name stands in it."""
    slow, waited = RecordingEmr(looks_until_ended=40), []
    begin(table, slow)
    settings = Settings(
        table,
        table,
        run_seconds=3000,
        clock=lambda: NOW + 3001 + int(sum(waited)),
        pause=waited.append,
    )
    clients = Clients(boto3.client("dynamodb"), slow, boto3.client("s3"))
    assert start(clients, settings, {})["started"] is True
    then = NOW + 3001 + int(sum(waited))
    assert sum(waited) > lease.STARTING_SECONDS
    assert held(table) == lease.Lease(then, then + 3000, "j-2")


def test_a_cluster_whose_name_no_lease_took_is_ended(table, emr):
    class Forgetful(Belated):
        """It takes the lease, and no name into it."""

        def put_item(self, **request):
            if request["Item"]["cluster"]["S"]:
                raise ConnectionError("DynamoDB is away")
            return self._client.put_item(**request)

    clients = Clients(Forgetful(boto3.client("dynamodb"), table), emr, boto3.client("s3"))
    with pytest.raises(ConnectionError, match="DynamoDB is away"):
        start(clients, Settings(table, table, run_seconds=3000, clock=lambda: NOW), {})
    assert emr.clusters == {"j-1": "TERMINATING"}
    assert begin(table, emr, NOW + lease.STARTING_SECONDS)["started"] is True


@pytest.mark.parametrize(("run_seconds", "idle"), [(3000, 3600), (9000, 9000)])
def test_no_cluster_is_ended_as_idle_before_its_run_is_overdue(table, emr, run_seconds, idle):
    begin(table, emr, run_seconds=run_seconds)
    assert emr.requests[0]["AutoTerminationPolicy"] == {"IdleTimeout": idle}


def test_while_an_overdue_runs_cluster_still_ends_nothing_is_started(table):
    slow = RecordingEmr(looks_until_ended=5)
    begin(table, slow)
    answer = begin(table, slow, NOW + 3001)
    assert answer["started"] is False
    assert "is overdue and is being ended" in answer["message"]
    assert held(table).number == NOW
    assert begin(table, slow, NOW + 3600)["started"] is True


def test_while_a_cluster_ends_after_a_failure_nothing_is_started(table, emr):
    begin(table, emr)
    emr.looks_until_ended = 9
    emr.clusters["j-1"] = "TERMINATING"
    assert begin(table, emr, NOW + 60)["started"] is False


def test_an_overdue_runs_end_is_said_with_the_new_ones_start(table, emr):
    begin(table, emr)
    said = begin(table, emr, NOW + 3007)["message"]
    assert said == (
        f"run {NOW} was 7 s past its deadline, cluster j-1 was ended; run {NOW + 3007} started on cluster j-2"
    )


def test_who_asks_for_a_cluster_that_stays_gets_the_steps_to_send(table, emr):
    """So the Airflow DAG holds the lease as every run does."""
    answer = begin(table, emr, event={"stay": True})
    (sent,) = emr.requests
    assert "Steps" not in sent
    assert sent["Instances"] == {"KeepJobFlowAliveWhenNoSteps": True}
    assert list(answer["steps"]) == ["retrain"]
    assert answer["steps"]["retrain"]["HadoopJarStep"]["Args"] == ["spark-submit", "--run", str(NOW)]
    assert held(table).cluster == answer["cluster"]


def test_without_a_request_to_send_it_says_how_to_get_one_and_gives_the_lease_back(table, emr):
    boto3.client("s3").delete_object(Bucket=table, Key=EMR_REQUEST)
    with pytest.raises(
        RequestMissingError, match=r"emr_retrain\.json is not there; `cadabra deploy` puts it"
    ):
        begin(table, emr)
    assert held(table).free


@pytest.fixture
def handle(table, emr, monkeypatch, capsys):
    """`handle()`: what the log's one line of JSON says of a start."""
    clients = Clients(boto3.client("dynamodb"), emr, boto3.client("s3"))
    settings = Settings(table, table, run_seconds=3000)
    monkeypatch.setenv("METRICS", table)
    monkeypatch.setattr(handler, "_clients", lambda: clients)
    monkeypatch.setattr(handler, "_settings", lambda: settings)

    def said():
        with suppress(ConnectionError):
            handler.handle({})
        (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
        return json.loads(line)

    return said


def test_the_log_has_each_outcome_as_one_line_of_json(handle, emr):
    started, refused = handle(), handle()
    assert (started["outcome"], started["cluster"]) == ("started", "j-1")
    assert (refused["outcome"], refused["cluster"]) == ("refused", "j-1")
    assert f"run {started['run']} is active" in refused["message"]
    emr.clusters.clear()
    emr.refuses = True
    assert handle() == {
        "outcome": "failed",
        "message": "no run was started: EMR is away. The next hour tries again",
    }


def test_where_emr_refuses_the_lease_is_given_back(table):
    with pytest.raises(ConnectionError, match="EMR is away"):
        begin(table, RecordingEmr(refuses=True))
    assert held(table).free


class Belated:
    """A DynamoDB client whose first look is as old as the moment it was made."""

    def __init__(self, client, table):
        self._client = client
        self._first = [client.get_item(TableName=table, Key=lease.LEASE_KEY)]

    def get_item(self, **request):
        return self._first.pop() if self._first else self._client.get_item(**request)

    def __getattr__(self, name):
        return getattr(self._client, name)


@pytest.mark.parametrize("released_before", [False, True])
def test_of_two_that_saw_the_lease_free_at_once_one_gets_it(table, released_before):
    dynamodb = boto3.client("dynamodb")
    if released_before:
        lease.release(dynamodb, table, lease.take(dynamodb, table, NOW - 9).number)
    belated = Belated(dynamodb, table)
    first = lease.take(dynamodb, table, NOW)
    with pytest.raises(LeaseHeldError, match="about to start"):
        lease.take(belated, table, NOW)
    assert held(table) == first


def test_a_run_that_lost_its_lease_is_told_who_has_it(table):
    dynamodb = boto3.client("dynamodb")
    first = lease.take(dynamodb, table, NOW)
    lease.release(dynamodb, table, first.number)
    second = lease.take(dynamodb, table, NOW + 5)
    with pytest.raises(LeaseLostError, match=rf"run {first.number} no longer .*run {second.number} does"):
        lease.check(dynamodb, table, first.number, NOW + 6)
    with pytest.raises(LeaseLostError, match="lost its lease before"):
        lease.start(dynamodb, table, first, "j-9", NOW + 100)
    assert not lease.release(dynamodb, table, first.number)


def test_a_run_past_its_deadline_may_commit_nothing(table):
    dynamodb = boto3.client("dynamodb")
    taken = lease.start(dynamodb, table, lease.take(dynamodb, table, NOW), "j-1", NOW + 100)
    lease.check(dynamodb, table, taken.number, NOW + 99)
    with pytest.raises(LeaseLostError, match="0 s past its deadline"):
        lease.check(dynamodb, table, taken.number, NOW + 100)
