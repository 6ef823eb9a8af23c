"""The delivery endpoint as the process that an operator runs, killed and started again on one port."""

import gzip
import json
import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

STREAM = "orders"
ROLE = "arn:aws:iam::000000000000:role/delivery"
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


@contextmanager
def ready(data: Path, bucket: str) -> Iterator[Delivery]:
    """One that is not started yet, on a port of its own; what still runs of it ends with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    delivery = Delivery(data, port, bucket)
    yield delivery
    if delivery.process and delivery.process.poll() is None:
        delivery.end(signal.SIGKILL)
