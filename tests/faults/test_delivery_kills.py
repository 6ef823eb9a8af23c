"""The delivery endpoint is killed, and S3 goes away: what it acknowledged arrives once."""

import gzip
import json
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

KILLS = int(os.environ.get("CADABRA_KILLS", "5"))
STREAM = "orders"
ROLE = "arn:aws:iam::000000000000:role/delivery"
BATCH_BYTES, THREADS = 200_000, 4
LINES_AT_ONCE = 500  # every hundredth of a second: there is always something under way
DEADLINE_SECONDS = 60


@dataclass
class Delivery:
    """The real process on one port, with one directory, however often it is started."""

    data: Path
    port: int
    bucket: str
    process: "subprocess.Popen[str] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *arguments: str, limit_bytes: int = 0) -> None:
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "firehose.delivery"),
                *("--port", str(self.port), "--data", str(self.data), *arguments),
            ],
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes)))  # noqa: PLW1509 (the child does nothing else)
            if limit_bytes
            else None,
        )
        assert self.process.stdout
        assert self.process.stdout.readline() == f"listening on {self.url}\n"

    def end(self, number: int, seconds: float = DEADLINE_SECONDS) -> int:
        assert self.process
        self.process.send_signal(number)
        self.process.communicate(timeout=seconds)
        return self.process.returncode

    def client(self) -> Any:
        return boto3.client(
            "firehose",
            endpoint_url=self.url,
            config=Config(retries={"total_max_attempts": 1}, read_timeout=5, connect_timeout=5),
        )

    def make_stream(self, **hints: int) -> None:
        self.client().create_delivery_stream(
            DeliveryStreamName=STREAM,
            ExtendedS3DestinationConfiguration={
                "RoleARN": ROLE,
                "BucketARN": f"arn:aws:s3:::{self.bucket}",
                "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 1, **hints},
                "CompressionFormat": "GZIP",
            },
        )

    def health(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/_delivery/health", timeout=5) as answer:
            return dict(json.load(answer)["streams"][STREAM])

    def drain(self) -> None:
        self.wait_for(lambda: self.health()["pending_records"] == 0)

    def wait_for(self, what: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not what():
            assert time.monotonic() < deadline, self.health()
            time.sleep(0.01)

    def objects(self) -> dict[str, bytes]:
        s3 = boto3.client("s3")
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
        return {
            key: gzip.decompress(s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()) for key in keys
        }

    def landed(self) -> Counter[bytes]:
        return Counter(line for body in self.objects().values() for line in body.splitlines())


@pytest.fixture
def delivery(local_aws: Any, tmp_path: Path) -> Iterator[Delivery]:  # noqa: ARG001 (it points boto3 at the emulator)
    bucket = f"delivery-{tmp_path.name.replace('_', '-').lower()[:40].strip('-')}-x"
    boto3.client("s3").create_bucket(Bucket=bucket)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    running = Delivery(tmp_path / "delivery", port, bucket)
    yield running
    if running.process and running.process.poll() is None:
        running.end(signal.SIGKILL)


def test_killed_again_and_again_it_loses_and_doubles_nothing(
    delivery: Delivery, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every acknowledged put lands exactly once; one without an answer at most once."""
    delivery.start()
    delivery.make_stream()
    acknowledged: set[bytes] = set()
    unknown: set[bytes] = set()
    stopping = threading.Event()

    def shop(number: int) -> None:
        client, sequence = delivery.client(), 0
        while not stopping.is_set():
            sequence += 1
            lines = [b"%d-%d-%d" % (number, sequence, place) for place in range(20)]
            records = [{"Data": line + b"," + bytes(1000).hex().encode() + b"\n"} for line in lines]
            try:
                client.put_record_batch(DeliveryStreamName=STREAM, Records=records)
                acknowledged.update(lines)
            except (BotoCoreError, ClientError):
                unknown.update(lines)
                stopping.wait(0.02)

    shops = [threading.Thread(target=shop, args=(number,)) for number in range(2)]
    for thread in shops:
        thread.start()
    chance = random.Random(20261120)
    for _ in range(KILLS):
        enough = len(acknowledged) + chance.randrange(200, 4000)
        delivery.wait_for(lambda: len(acknowledged) > enough)  # noqa: B023 (called at once)
        delivery.end(signal.SIGKILL)
        delivery.start()
    stopping.set()
    for thread in shops:
        thread.join()
    delivery.drain()
    landed = Counter({line.split(b",")[0]: count for line, count in delivery.landed().items()})
    with capsys.disabled():
        print(f" {KILLS} kills, {len(acknowledged)} acknowledged, {len(unknown)} unknown", end=" ")
    assert not acknowledged - landed.keys()
    assert landed.keys() <= acknowledged | unknown
    assert set(landed.values()) == {1}


AGENT = {"cloudwatch.emitMetrics": False, "maxSendingThreads": THREADS}
FLOW = {
    "deliveryStream": STREAM,
    "initialPosition": "START_OF_FILE",
    "aggregatedRecordSizeBytes": 5000,
    "maxBufferSizeBytes": BATCH_BYTES,
    "maxBufferAgeMillis": 1000,
    "retryInitialBackoffMillis": 20,
    "retryMaxBackoffMillis": 200,
}


@contextmanager
def growing(log: Path) -> Iterator[list[bytes]]:
    """A log that the shop writes to while the block runs; all of its lines."""
    lines: list[bytes] = []
    ended = threading.Event()

    def write() -> None:
        with log.open("ab", buffering=0) as file:
            while not ended.wait(0.01):
                numbers = range(len(lines) + 1, len(lines) + 1 + LINES_AT_ONCE)
                new = [b"web1-%d,%s" % (number, bytes(60).hex().encode()) for number in numbers]
                file.write(b"\n".join(new) + b"\n")
                lines.extend(new)

    shop = threading.Thread(target=write)
    shop.start()
    try:
        yield lines
    finally:
        ended.set()
        shop.join()


def acknowledged(status: Path) -> int:
    """Lines, as the agent says it."""
    return int(json.loads(status.read_text())["flows"][0]["lines"]) if status.exists() else 0


@contextmanager
def shipping(delivery: Delivery, log: Path) -> Iterator[Path]:
    """An agent that follows the log while the block runs, and ends in order; where it says how far it is."""
    status, config = log.with_name("status.json"), log.with_name("agent.json")
    config.write_text(
        json.dumps(
            AGENT
            | {
                "checkpointFile": str(log.with_name("checkpoint")),
                "flows": [FLOW | {"filePattern": f"{log}*"}],
            }
        )
    )
    agent = subprocess.Popen(
        [sys.executable, "-m", "firehose.agent", "-c", str(config), "--status-json", str(status)],
        env={**os.environ, "AWS_ENDPOINT_URL_FIREHOSE": delivery.url},
        stdout=subprocess.DEVNULL,
    )
    try:
        yield status
    finally:
        agent.terminate()
        agent.wait(DEADLINE_SECONDS)
    assert agent.returncode == 0


def test_an_agent_ships_through_its_kills_and_every_line_lands(
    delivery: Delivery, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    delivery.start("--faults", '{"partial": 0.1, "throttle": 0.05, "seed": 3}')
    delivery.make_stream()
    log = tmp_path / "orders.log"
    with shipping(delivery, log) as status:
        with growing(log) as lines:
            for _ in range(KILLS):
                before = acknowledged(status)
                delivery.wait_for(lambda: acknowledged(status) > before)  # noqa: B023 (called at once)
                delivery.end(signal.SIGKILL)
                delivery.start("--faults", '{"partial": 0.1, "throttle": 0.05, "seed": 4}')
        delivery.wait_for(lambda: acknowledged(status) == len(lines))
    delivery.drain()
    landed = delivery.landed()
    doubled = sum(landed.values()) - len(landed)
    with capsys.disabled():
        print(f" {KILLS} kills, {doubled} of {len(lines)} lines doubled", end=" ")
    assert landed.keys() == set(lines)
    assert doubled <= KILLS * THREADS * BATCH_BYTES // len(lines[0])


def test_sigterm_ends_it_even_while_s3_does_not_answer_and_keeps_the_spool(
    delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{silent.getsockname()[1]}")
        delivery.start()
        delivery.make_stream(IntervalInSeconds=0)
        delivery.client().put_record(DeliveryStreamName=STREAM, Record={"Data": b"kept\n"})
        connection, _ = silent.accept()  # the put to S3 has begun
        assert delivery.end(signal.SIGTERM, seconds=10) == 0  # S3's time-out is a minute
        connection.close()
    delivery.start()
    delivery.drain()
    assert list(delivery.objects().values()) == [b"kept\n"]


def test_a_full_disk_is_answered_with_service_unavailable_and_loses_nothing(delivery: Delivery) -> None:
    delivery.start(limit_bytes=300_000)
    delivery.make_stream(IntervalInSeconds=900)
    client, taken = delivery.client(), 0

    def put_until_refused() -> None:
        nonlocal taken
        for number in range(100):
            record = {"Data": b"%d,%s\n" % (number, bytes(5000).hex().encode())}
            client.put_record(DeliveryStreamName=STREAM, Record=record)
            taken += 1

    with pytest.raises(ClientError, match="ServiceUnavailableException"):
        put_until_refused()
    assert taken > 10
    delivery.end(signal.SIGKILL)
    delivery.start()
    assert delivery.health()["pending_records"] == taken


def test_past_its_disk_budget_it_asks_to_slow_down_until_s3_has_some(delivery: Delivery) -> None:
    delivery.start("--budget-mib", "1")
    boto3.client("s3").delete_bucket(Bucket=delivery.bucket)
    delivery.make_stream(IntervalInSeconds=0)
    client, record = delivery.client(), {"Data": bytes(400_000)}
    client.put_record(DeliveryStreamName=STREAM, Record=record)
    client.put_record(DeliveryStreamName=STREAM, Record=record)
    with pytest.raises(ClientError, match=r"ServiceUnavailableException.*Slow down"):
        client.put_record(DeliveryStreamName=STREAM, Record=record)
    delivery.wait_for(lambda: "NoSuchBucket" in delivery.health()["last_error"])
    boto3.client("s3").create_bucket(Bucket=delivery.bucket)
    delivery.drain()
    client.put_record(DeliveryStreamName=STREAM, Record=record)
    delivery.drain()
    assert sum(map(len, delivery.objects().values())) == 1_200_000


def test_a_second_endpoint_in_the_same_directory_is_refused(delivery: Delivery) -> None:
    delivery.start()
    second = subprocess.run(
        [sys.executable, "-m", "firehose.delivery", "--data", str(delivery.data)],
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_SECONDS,
    )
    assert second.returncode == 1
    assert "another firehose.delivery works in" in second.stderr
