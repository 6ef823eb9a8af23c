"""kill -9 of each part of the local AWS: it is noticed, told, and the next `up` makes it whole."""

import os
import signal
import time
from collections.abc import Callable

import boto3
import pytest

from infra.local import processes, stack

DEADLINE_SECONDS = 60


@pytest.fixture
def data(tmp_path):
    yield tmp_path / "data"
    stack.stop(tmp_path / "data")


def client(service: str, running: stack.Running):
    endpoints = stack.environment(running)
    return boto3.client(
        service,
        endpoint_url=endpoints.get(f"AWS_ENDPOINT_URL_{service.upper()}", endpoints["AWS_ENDPOINT_URL"]),
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: processes.identity(pid) is None)


def with_data(running: stack.Running) -> stack.Running:
    """An object in S3, a table in DynamoDB."""
    client("s3", running).create_bucket(Bucket="orders")
    client("s3", running).put_object(Bucket="orders", Key="orders/1.gz", Body=b"lines")
    client("dynamodb", running).create_table(
        TableName="lists",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return running


def tables(running: stack.Running) -> list[str]:
    return client("dynamodb", running).list_tables()["TableNames"]


def stored(running: stack.Running) -> bytes:
    return client("s3", running).get_object(Bucket="orders", Key="orders/1.gz")["Body"].read()


@pytest.mark.parametrize("child", ["firehose", "emr"])
def test_a_dead_child_is_told_and_started_again_alone(data, child):
    first = with_data(stack.start(data))
    kill(first.pids[child])
    wait_for(lambda: isinstance(stack.inspect(data), stack.Broken))
    broken = stack.inspect(data)
    assert (broken.child, broken.how) == (child, "was killed by SIGKILL")
    assert broken.log == data / "local" / "logs" / f"{child}.log"
    with pytest.raises(stack.NotRunningError, match=rf"{child} .* was killed by SIGKILL .*Run `cadabra up`"):
        stack.running(data)

    second = stack.start(data)
    assert second.ports == first.ports
    assert not second.rebuild_needed
    others = first.pids.keys() - {child}
    assert {name: second.pids[name] for name in others} == {name: first.pids[name] for name in others}
    assert tables(second) == ["lists"]
    service = {"firehose": "list_delivery_streams", "emr": "list_clusters"}[child]
    getattr(client(child, second), service)()


def test_a_dead_ministack_leaves_s3_alone_and_asks_for_a_rebuild(data):
    """Also when the first save in order was made long before: what it holds would be stale."""
    stack.stop(with_data(stack.start(data)).data)
    first = stack.start(data)
    assert tables(first) == ["lists"]
    kill(first.pids["ministack"])
    wait_for(lambda: isinstance(stack.inspect(data), stack.Broken))

    second = stack.start(data)
    assert second.rebuild_needed
    assert tables(second) == []
    assert stored(second) == b"lines"
    assert second.pids["emr"] == first.pids["emr"]
    stack.stop(data)
    assert stack.start(data).rebuild_needed
    stack.acknowledge_rebuild(data)
    assert not stack.running(data).rebuild_needed


def test_nothing_outlives_a_killed_supervisor(data):
    first = with_data(stack.start(data))
    kill(first.pids["supervisor"])
    wait_for(lambda: not any(processes.identity(pid) for pid in first.pids.values()))
    broken = stack.inspect(data)
    assert isinstance(broken, stack.Broken)
    assert broken.child == "supervisor"

    second = stack.start(data)
    assert second.rebuild_needed
    assert second.ports == first.ports
    assert stored(second) == b"lines"


def test_a_stop_after_a_killed_supervisor_leaves_a_stopped_stack(data):
    first = stack.start(data)
    kill(first.pids["supervisor"])
    stack.stop(data)
    assert stack.inspect(data) == stack.Stopped(data)
    assert not any(processes.identity(pid) for pid in first.pids.values())


def test_a_child_that_cannot_start_is_told_with_its_log_and_nothing_is_left(data):
    """Its folder is a file."""
    data.mkdir()
    (data / "firehose").write_text("in the way")
    with pytest.raises(
        stack.StartError, match=r"firehose exited with status 1 instead of starting.*firehose\.log"
    ):
        stack.start(data)
    assert stack.inspect(data) == stack.Stopped(data)
    (data / "firehose").unlink()
    assert not stack.start(data).rebuild_needed
