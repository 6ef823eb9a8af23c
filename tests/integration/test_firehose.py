"""Log files to S3 through the real agent, the real endpoint and the local AWS, as `python -m` starts them."""

import gzip
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from contracts.s3_layout import FIREHOSE_ERROR_PREFIX, FIREHOSE_PREFIX, ORDERS, arrival_hour

ROLE = "arn:aws:iam::000000000000:role/delivery"
DEADLINE_SECONDS = 60


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

    def make(self, stream: str, **more: Any) -> None:
        self.client().create_delivery_stream(
            DeliveryStreamName=stream,
            ExtendedS3DestinationConfiguration={
                "RoleARN": ROLE,
                "BucketARN": f"arn:aws:s3:::{self.bucket}",
                "Prefix": FIREHOSE_PREFIX,
                "ErrorOutputPrefix": FIREHOSE_ERROR_PREFIX,
                "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0},
                "CompressionFormat": "GZIP",
            },
            **more,
        )

    def ship(self, log: Path, *, metrics: bool = False, **flow: Any) -> str:
        config = self.root / "agent.json"
        flow = {"filePattern": f"{log}*", "initialPosition": "START_OF_FILE", **flow}
        config.write_text(
            json.dumps(
                {
                    "cloudwatch.emitMetrics": metrics,
                    "cloudwatch.namespace": "Agent",
                    "checkpointFile": str(self.root / "checkpoint"),
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
