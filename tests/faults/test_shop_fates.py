"""What the shop says it wrote is what lands in S3, whatever happens on the way between them."""

import gzip
import json
import os
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from contracts.order_line import (
    Fate,
    RefusedLineError,
    fate_of,
    parse_line,
    refuse_future,
    salvage_event_id,
    split_event_id,
)
from contracts.s3_layout import FIREHOSE_ERROR_PREFIX, FIREHOSE_PREFIX, ORDERS, arrival_hour
from firehose.delivery.embedded import Embedded, endpoint
from firehose.delivery.faults import Rates

LINES = 30_000
STREAM, BUCKET = "orders", "shop-fates"
BUDGET_MIB, BATCH_BYTES = 1, 50_000
KILLS = 2
DEADLINE_SECONDS = 60


def wait_for(what: Callable[[], bool], why: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not what():
        assert time.monotonic() < deadline, why
        time.sleep(0.01)


@pytest.fixture
def s3(local_aws: Any):  # noqa: ARG001 (boto3 finds it by the environment)
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    yield client
    client.close()


@pytest.fixture
def firehose(s3: Any, tmp_path: Path):
    with endpoint(tmp_path / "delivery", s3=lambda: s3, rates=Rates(partial=0.05, seed=11)) as running:
        running.make(
            STREAM,
            BUCKET,
            Prefix=FIREHOSE_PREFIX,
            ErrorOutputPrefix=FIREHOSE_ERROR_PREFIX,
            CompressionFormat="GZIP",
            BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 0},
        )
        yield running


def agent(root: Path, firehose: Embedded, *arguments: str) -> "subprocess.Popen[str]":
    config = root / "agent.json"
    flow = {
        "filePattern": str(root / "logs" / "orders.log*"),
        "deliveryStream": STREAM,
        "initialPosition": "START_OF_FILE",
        "aggregatedRecordSizeBytes": 5000,
        "maxBufferSizeBytes": BATCH_BYTES,
        "maxBufferAgeMillis": 1000,
        "retryInitialBackoffMillis": 5,
        "retryMaxBackoffMillis": 50,
    }
    settings = {"cloudwatch.emitMetrics": False, "checkpointFile": str(root / "checkpoint"), "flows": [flow]}
    config.write_text(json.dumps(settings))
    command = [sys.executable, "-m", "firehose.agent", "-c", str(config), "--memory-mib", str(BUDGET_MIB)]
    return subprocess.Popen(
        [*command, *arguments],
        env={**os.environ, "AWS_ENDPOINT_URL_FIREHOSE": firehose.url},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def landed(s3: Any) -> list[tuple[bytes, datetime]]:
    """Every line in S3, with the hour it arrived in."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    lines = []
    for entry in (entry for page in pages for entry in page.get("Contents", ())):
        hour = arrival_hour(entry["Key"])
        assert entry["Key"].startswith(ORDERS)
        assert hour
        body = gzip.decompress(s3.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read())
        lines += [(line, hour) for line in body.splitlines()]
    return lines


def judged(raw: bytes, now: datetime) -> str:
    """As ingest judges a line that is no duplicate: its fate, or why it is refused."""
    try:
        line = parse_line(raw)
        refuse_future(line, now)
    except RefusedLineError as error:
        return error.reason
    return fate_of(line)


def test_every_line_lands_with_the_fate_it_was_written_with(
    s3: Any, firehose: Embedded, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The shop rotates as it writes, five records in a hundred fail, the agent is killed twice."""
    count = tmp_path / "count.json"
    asked = ["--lines", str(LINES), "--rate", "10000", "--dirt", "5", "--rotate-bytes", "400000"]
    shop = subprocess.Popen(
        [
            *(sys.executable, "-m", "log_generator", "shop", "--out", str(tmp_path / "logs")),
            *(*asked, "--json", str(count)),
        ],
        stdout=subprocess.DEVNULL,
    )
    stream = firehose.streams.get(STREAM)
    for _ in range(KILLS):
        before = stream.delivered_records
        running = agent(tmp_path, firehose)
        wait_for(lambda: stream.delivered_records > before + 60, "the agent ships nothing")  # noqa: B023 (called at once)
        running.kill()
        running.communicate()
    assert shop.wait(DEADLINE_SECONDS) == 0
    last = agent(tmp_path, firehose, "--until-idle")
    _, said = last.communicate(timeout=DEADLINE_SECONDS)
    assert last.returncode == 0, said
    wait_for(lambda: not stream.spool.segments(), "S3 has not all")

    written = json.loads(count.read_text())
    copies: dict[str, Counter[bytes]] = defaultdict(Counter)
    for line, _hour in landed(s3):
        copies[salvage_event_id(line)][line] += 1
    sequences = [split for event_id in copies if (split := split_event_id(event_id))]
    assert {source for source, _ in sequences} == {written["source"]}
    assert sorted(sequence for _, sequence in sequences) == list(range(1, written["last"] + 1))

    now = datetime.now(UTC)
    assert all(len(lines) == 1 for lines in copies.values())  # one id, one line
    outcomes = Counter(judged(next(iter(lines)), now) for lines in copies.values())
    fates = {fate: number for fate, number in written["fates"].items() if number}
    assert {
        fate: outcomes[fate] for fate in fates if fate in (Fate.SALE, Fate.RETURN, Fate.FEE, Fate.GUEST)
    } == {fate: number for fate, number in fates.items() if fate not in (Fate.DUPLICATE, Fate.REJECTED)}
    assert {reason: outcomes[reason] for reason in written["rejected"]} == written["rejected"]
    assert len(copies) == written["lines"] - written["fates"]["duplicate"]

    in_transport = sum(lines.total() for lines in copies.values()) - written["lines"]
    most = KILLS * BUDGET_MIB * 1024 * 1024 * LINES // written["bytes"]
    with capsys.disabled():
        print(f" {KILLS} kills, {written['lines']} written, {in_transport} doubled of {most}", end=" ")
    assert 0 <= in_transport <= most
