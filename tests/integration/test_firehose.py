"""Log files to S3 through the real agent, the real endpoint and the local AWS, as `python -m` starts them."""

import gzip
import io
import json
import os
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from contracts.s3_layout import FIREHOSE_ERROR_PREFIX, FIREHOSE_ERRORS, FIREHOSE_PREFIX, ORDERS, arrival_hour
from firehose.agent import clients
from firehose.agent.config import load, parse

ROLE = "arn:aws:iam::000000000000:role/delivery"
DEADLINE_SECONDS = 60
FUNCTION = """
import base64

def changed(record):
    try:
        text = base64.b64decode(record["data"]).decode()
    except UnicodeDecodeError:
        return {"recordId": record["recordId"], "result": "ProcessingFailed"}
    data = base64.b64encode(text.upper().encode()).decode()
    return {"recordId": record["recordId"], "result": "Ok", "data": data}

def handler(event, context):
    print(event["invocationId"])
    return {"records": [changed(record) for record in event["records"]]}
"""


@dataclass
class Running:
    url: str
    bucket: str
    root: Path
    process: "subprocess.Popen[str]"

    def health(self, stream: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/_delivery/health", timeout=5) as answer:
            return dict(json.load(answer)["streams"][stream])

    def client(self) -> Any:
        return boto3.client("firehose", endpoint_url=self.url)

    def make(self, stream: str, processing: dict[str, Any] | None = None, **more: Any) -> None:
        self.client().create_delivery_stream(
            DeliveryStreamName=stream,
            ExtendedS3DestinationConfiguration={
                "RoleARN": ROLE,
                "BucketARN": f"arn:aws:s3:::{self.bucket}",
                "Prefix": FIREHOSE_PREFIX,
                "ErrorOutputPrefix": FIREHOSE_ERROR_PREFIX,
                "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0},
                "CompressionFormat": "GZIP",
                **({"ProcessingConfiguration": processing} if processing else {}),
            },
            **more,
        )

    def ship(self, log: Path, *, metrics: bool = False, role: str = "", **flow: Any) -> str:
        config = self.root / "agent.json"
        flow = {"filePattern": f"{log}*", "initialPosition": "START_OF_FILE", **flow}
        config.write_text(
            json.dumps(
                {
                    "cloudwatch.emitMetrics": metrics,
                    "cloudwatch.namespace": "Agent",
                    "checkpointFile": str(self.root / "checkpoint"),
                    **({"assumeRoleARN": role, "assumeRoleExternalId": "shop-1"} if role else {}),
                    "flows": [flow],
                }
            )
        )
        status = self.root / "status.json"
        done = subprocess.run(
            [
                *(sys.executable, "-m", "firehose.agent", "-c", str(config)),
                *("--until-idle", "--status-json", str(status)),
            ],
            env={**os.environ, "AWS_ENDPOINT_URL_FIREHOSE": self.url},
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(status.read_text())["flows"][0]["lag_bytes"] == 0
        return done.stdout

    def landed(self) -> dict[str, bytes]:
        s3 = boto3.client("s3")
        listed = s3.list_objects_v2(Bucket=self.bucket, Prefix=ORDERS).get("Contents", [])
        keys = [entry["Key"] for entry in listed]
        return {
            key: gzip.decompress(s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()) for key in keys
        }

    def wait_for(self, what: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not what():
            assert time.monotonic() < deadline
            time.sleep(0.02)


@pytest.fixture
def running(local_aws: Any, tmp_path: Path) -> Iterator[Running]:  # noqa: ARG001 (it points boto3 at the emulator)
    bucket = "firehose-" + tmp_path.name.replace("_", "-").lower()[-40:].strip("-")
    boto3.client("s3").create_bucket(Bucket=bucket)
    process = subprocess.Popen(
        [sys.executable, "-m", "firehose.delivery", "--data", str(tmp_path / "delivery")],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    url = process.stdout.readline().removeprefix("listening on ").strip()
    made = Running(url, bucket, tmp_path, process)
    yield made
    made.process.terminate()
    made.process.communicate(timeout=DEADLINE_SECONDS)


def test_lines_arrive_packed_and_gzipped_under_the_hour_they_arrived_in(running: Running) -> None:
    lines = [f"536365,85123A,HOLDER,6,2026-11-20T08:26:00Z,2.55,17850,UK,web1-{n}" for n in range(1, 20_001)]
    log = running.root / "orders.log"
    log.write_text("\n".join(lines) + "\n")
    running.make("orders")
    out = running.ship(log, deliveryStream="orders", aggregatedRecordSizeBytes=1_024_000)
    assert out.startswith("shipped 20,000 lines in 2 records, ")
    running.wait_for(lambda: running.health("orders")["pending_records"] == 0)
    landed = running.landed()
    assert all(arrival_hour(key) for key in landed)
    assert all(key.endswith(".gz") for key in landed)
    shipped = sorted(line for body in landed.values() for line in body.decode().splitlines())
    assert shipped == sorted(lines)
    assert running.health("orders")["delivered_records"] == 2


def test_a_kinesis_stream_feeds_a_delivery_stream_and_each_line_arrives_once_over_a_restart(
    running: Running,
) -> None:
    kinesis = boto3.client("kinesis")
    kinesis.create_stream(StreamName="clicks", ShardCount=2)
    kinesis.get_waiter("stream_exists").wait(StreamName="clicks")
    arn = kinesis.describe_stream_summary(StreamName="clicks")["StreamDescriptionSummary"]["StreamARN"]
    running.make(
        "fed",
        DeliveryStreamType="KinesisStreamAsSource",
        KinesisStreamSourceConfiguration={"KinesisStreamARN": arn, "RoleARN": ROLE},
    )
    log = running.root / "clicks.log"
    log.write_text("".join(f"line-{n}\n" for n in range(1, 1001)))
    running.ship(log, kinesisStream="clicks", aggregatedRecordSizeBytes=100)
    running.wait_for(lambda: len(b"".join(running.landed().values()).splitlines()) == 1000)

    running.process.kill()
    running.process.communicate()
    with log.open("a") as file:
        file.writelines(f"line-{n}\n" for n in range(1001, 1501))
    running.ship(log, kinesisStream="clicks", aggregatedRecordSizeBytes=100)
    running.process = subprocess.Popen(
        [sys.executable, "-m", "firehose.delivery", "--data", str(running.root / "delivery")],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert running.process.stdout
    running.url = running.process.stdout.readline().removeprefix("listening on ").strip()
    running.wait_for(lambda: len(b"".join(running.landed().values()).splitlines()) >= 1500)
    landed = b"".join(running.landed().values()).decode().splitlines()
    assert sorted(landed) == sorted(f"line-{n}" for n in range(1, 1501))


def test_what_was_shipped_is_seen_in_cloudwatch(running: Running) -> None:
    running.make("seen")
    log = running.root / "seen.log"
    log.write_text("a\nb\nc\n")
    running.ship(log, metrics=True, deliveryStream="seen")
    now = datetime.now(UTC)
    answer = boto3.client("cloudwatch").get_metric_statistics(
        Namespace="Agent",
        MetricName="RecordsSent",
        Dimensions=[{"Name": "Destination", "Value": "firehose:seen"}],
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=5),
        Period=60,
        Statistics=["Sum"],
    )
    assert sum(point["Sum"] for point in answer["Datapoints"]) == 3


def test_the_agent_ships_in_the_role_it_is_to_assume(running: Running) -> None:
    """The keys that sign its calls are those that STS gave for the role, and they can be renewed."""
    role = "arn:aws:iam::000000000000:role/shop-agent"
    running.make("assumed")
    log = running.root / "assumed.log"
    log.write_text("a\nb\n")
    assert running.ship(log, role=role, deliveryStream="assumed").startswith("shipped 2 lines")
    settings = load(running.root / "agent.json")
    client = clients.client("sts", settings)
    assert client.get_caller_identity()["Arn"].startswith(
        "arn:aws:sts::000000000000:assumed-role/shop-agent/cadabra-agent"
    )
    keys = client._request_signer._credentials
    assert keys.token
    assert keys.method == "assume-role"
    client.close()


def test_the_named_sts_endpoint_is_the_one_that_is_asked(
    running: Running, local_aws: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With no endpoint in the environment: a wrong one in agent.json cannot be reached."""
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    role = {"assumeRoleARN": "arn:aws:iam::000000000000:role/shop-agent"}
    flow = {"filePattern": str(running.root / "x.log"), "deliveryStream": "x"}
    for endpoint, reached in ((local_aws.endpoint, True), ("http://127.0.0.1:9", False)):
        settings = parse({**role, "sts.endpoint": endpoint, "flows": [flow]}, "agent.json")
        client = clients.client("firehose", settings)
        try:
            assert client._request_signer._credentials.token
        except EndpointConnectionError:
            assert not reached
        else:
            assert reached
        client.close()


def test_a_streams_function_changes_its_records_and_what_it_cannot_read_is_error_output(
    running: Running,
) -> None:
    functions = boto3.client("lambda")
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("upper.py", FUNCTION)
    arn = functions.create_function(
        FunctionName="upper",
        Runtime="python3.11",
        Role=ROLE,
        Handler="upper.handler",
        Code={"ZipFile": code.getvalue()},
    )["FunctionArn"]
    parameters = [{"ParameterName": "LambdaArn", "ParameterValue": arn}]
    processing = {"Enabled": True, "Processors": [{"Type": "Lambda", "Parameters": parameters}]}
    running.make("upper", processing)
    running.client().put_record_batch(
        DeliveryStreamName="upper", Records=[{"Data": b"good\n"}, {"Data": b"\xff\n"}]
    )
    running.wait_for(lambda: running.health("upper")["pending_records"] == 0)
    assert list(running.landed().values()) == [b"GOOD\n"]
    s3 = boto3.client("s3")
    [key] = [
        entry["Key"]
        for entry in s3.list_objects_v2(Bucket=running.bucket, Prefix=FIREHOSE_ERRORS)["Contents"]
    ]
    assert key.startswith("firehose-errors/processing-failed/")
    failed = json.loads(s3.get_object(Bucket=running.bucket, Key=key)["Body"].read())
    assert (failed["errorCode"], failed["rawData"]) == ("Lambda.ProcessingFailedStatus", "/wo=")
