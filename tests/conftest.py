"""What tests share: one local AWS and one Spark for the whole session, ended by their own process ids."""

import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from emr_jobs.publishing.publication import Shop
from infra.local import java, ministack, spark_conf

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Their assertions tell what they compared.
pytest.register_assert_rewrite(
    "tests.faults.agent_lab",
    "tests.faults.delivery_process",
    "tests.faults.ingest_runs",
    "tests.faults.served_lists",
    "tests.landed_lines",
    "tests.newcomer",
)

# A shell that starts the tests in the background has them ignore Ctrl-C, which their children would inherit:
# with a handler here, those have the system's own again.
signal.signal(signal.SIGINT, signal.default_int_handler)

LAKE_BUCKET = "cadabra-session-lake"
START_SECONDS = 60  # the emulator answers within one; a busy laptop gets more


@dataclass(frozen=True)
class LocalAws:
    endpoint: str
    lake_bucket: str = LAKE_BUCKET


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A ministack of this session alone; boto3 and Java clients find it by the environment."""
    data, port = tmp_path_factory.mktemp("local-aws"), _free_port()
    with (data / "ministack.log").open("wb") as log:
        process = subprocess.Popen(
            [ministack.program()], env=ministack.environment(data, port), stdout=log, stderr=log
        )
        try:
            _wait_until_healthy(process, port, data / "ministack.log")
            with pytest.MonkeyPatch.context() as patch:
                _point_at(patch, endpoint := f"http://127.0.0.1:{port}")
                boto3.client("s3").create_bucket(Bucket=LAKE_BUCKET)
                yield LocalAws(endpoint)
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def place(local_aws: LocalAws) -> str:  # noqa: ARG001 (it sets the environment)
    """A bucket and a table of lists, both of this name, for one test alone."""
    return make_place()


def make_place() -> str:
    name = f"test-{uuid.uuid4().hex}"
    boto3.client("s3").create_bucket(Bucket=name)
    boto3.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    return name


@pytest.fixture
def shop(place: str) -> Iterator[Shop]:
    """The place as retrain and its publication see it."""
    s3, dynamodb = boto3.client("s3"), boto3.client("dynamodb")
    yield Shop(s3, dynamodb, place, place)
    s3.close()
    dynamodb.close()


@pytest.fixture(scope="session")
def spark(local_aws: LocalAws) -> Iterator["SparkSession"]:
    """One Spark in UTC whose catalog `lake` is the session's Glue and a bucket of its own."""
    from pyspark.sql import SparkSession

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAVA_HOME", str(java.find()))
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        patch.setattr("pyspark.util._create_local_socket", _self_closing_socket)
        builder = SparkSession.builder.master("local[2]").appName("cadabra-tests")
        for key, value in spark_conf.of_request(local_aws.lake_bucket).items():
            builder = builder.config(key, value)
        session = builder.getOrCreate()
        gateway: Any = session.sparkContext._gateway
        yield session
        session.stop()
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait()


def _self_closing_socket(sock_info: Any) -> Any:
    """PySpark leaves each `collect`'s socket to the garbage collector, which here would be an error."""
    from pyspark.util import local_connect_and_auth

    stream, connection = local_connect_and_auth(sock_info[0], sock_info[1])
    connection.settimeout(None)
    connection.close()  # takes effect when the stream goes
    return stream


def _point_at(patch: pytest.MonkeyPatch, endpoint: str) -> None:
    """Nothing of the user's own AWS is seen from here on."""
    for name in [name for name in os.environ if name.startswith("AWS_") and name != "AWS_CA_BUNDLE"]:
        patch.delenv(name)
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        patch.setenv(name, value)


def _wait_until_healthy(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ministack.healthy(port):
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"ministack did not start:\n{log.read_text()[-2000:]}")
        time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
