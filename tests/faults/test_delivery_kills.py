"""The delivery endpoint is killed, and S3 goes away: what it acknowledged arrives once."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.faults.delivery_process import DEADLINE_SECONDS, STREAM, Delivery

KILLS = int(os.environ.get("CADABRA_KILLS", "5"))
BATCH_BYTES, THREADS = 200_000, 4
LINES_AT_ONCE = 500  # every hundredth of a second: there is always something under way


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
