"""Up, down, and up again: what the `cadabra` command does with the local AWS."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from infra.local import processes, stack
from infra.local.ports import PortTakenError


@pytest.fixture
def data(tmp_path):
    """A data folder of which nothing runs any more afterwards."""
    yield tmp_path / "data"
    stack.stop(tmp_path / "data")


def client(service: str, running: stack.Running):
    return boto3.client(
        service,
        endpoint_url=running.endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def a_table(running: stack.Running, name: str) -> None:
    client("dynamodb", running).create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def tables(running: stack.Running) -> list[str]:
    return client("dynamodb", running).list_tables()["TableNames"]


def test_before_any_up_there_is_nothing(data):
    """Asking creates nothing, and a stop has nothing to do."""
    assert stack.inspect(data) == stack.Stopped(data)
    with pytest.raises(stack.NotRunningError, match="Run `cadabra up` first"):
        stack.running(data)
    stack.stop(data)
    assert not data.exists()


def test_all_state_survives_a_stop_and_the_ports_stay(data):
    first = stack.start(data)
    a_table(first, "lists")
    client("s3", first).create_bucket(Bucket="orders")
    stack.stop(data)
    assert stack.inspect(data) == stack.Stopped(data)
    assert [pid for pid in first.pids.values() if processes.identity(pid)] == []

    second = stack.start(data)
    assert second.ports == first.ports
    assert not second.rebuild_needed
    assert tables(second) == ["lists"]
    assert [bucket["Name"] for bucket in client("s3", second).list_buckets()["Buckets"]] == ["orders"]


def test_a_second_up_changes_nothing(data):
    first = stack.start(data)
    assert stack.start(data) == first
    assert stack.start(data, first.ports["ministack"]) == first
    with pytest.raises(PortTakenError, match="runs already, at port"):
        stack.start(data, 1)
    assert stack.running(data) == first


def test_two_ups_at_once_start_one(data):
    code = "import sys, pathlib, infra.local.stack as s; print(s.start(pathlib.Path(sys.argv[1])).pids)"
    up = [sys.executable, "-c", code, data]
    both = [subprocess.Popen(up, stdout=subprocess.PIPE) for _ in range(2)]
    said = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert said[0] == said[1]
    assert said[0].decode().strip() == str(stack.running(data).pids)


def test_a_port_that_is_taken_is_refused_when_asked_for_and_replaced_when_not(data):
    with socket.socket() as someone:
        someone.bind(("127.0.0.1", 0))
        someone.listen()
        taken = someone.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"port {taken}, asked for ministack, cannot be used"):
            stack.start(data, taken)
        assert isinstance(stack.inspect(data), stack.Stopped)
    first = stack.start(data)
    stack.stop(data)
    with socket.socket() as someone:
        someone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        someone.bind(("127.0.0.1", first.ports["emr"]))
        someone.listen()
        second = stack.start(data)
    assert second.ports["emr"] != first.ports["emr"]
    assert second.ports["ministack"] == first.ports["ministack"]


def test_no_child_sees_the_user_s_own_aws(data, monkeypatch):
    own = {"AWS_PROFILE": "real", "AWS_SESSION_TOKEN": "secret", "AWS_ENDPOINT_URL_S3": "https://s3.example"}
    with monkeypatch.context() as user:
        for name, value in own.items():
            user.setenv(name, value)
        running = stack.start(data)
    for pid in running.pids.values():
        environment = Path("/proc", str(pid), "environ").read_bytes().decode().split("\0")
        assert not own.keys() & {entry.partition("=")[0] for entry in environment}


def test_the_supervisor_outlives_the_terminal_that_started_it(data):
    """It leads a session of its own."""
    running = stack.start(data)
    assert os.getsid(running.pids["supervisor"]) == running.pids["supervisor"]
