"""The agent is killed at random moments under load; every line whose bytes still existed arrives."""

import os
import random
import time
from collections.abc import Callable

import pytest

from firehose.delivery.faults import Fault, Rates
from tests.faults.agent_lab import BATCH_BYTES, BUDGET_MIB, Lab

KILLS = int(os.environ.get("CADABRA_KILLS", "5"))


def _kill_repeatedly(
    lab: Lab, rotate: Callable[[], None], every: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Kill the agent at random moments under load, each time after it shipped something new."""
    chance = random.Random(20261120)
    lab.shop.write(200)
    thread = lab.shop.keep_writing(rotate, every)
    try:
        for _ in range(KILLS):
            _start_and_kill(lab, chance.uniform(0, 0.3))
    finally:
        lab.shop.stopping.set()
        thread.join()
    lab.firehose.faults.turn(Rates())
    lab.finish()
    lab.assert_nothing_lost()
    unanswered = lab.firehose.faults.given[Fault.TIMEOUT_AFTER]
    bound = (KILLS * BUDGET_MIB * 1024 * 1024 + unanswered * BATCH_BYTES) // len(lab.shop.written[0])
    with capsys.disabled():
        print(f" {KILLS} kills, {len(lab.shop.written)} lines, {lab.doubles()} doubled of {bound}", end=" ")
    assert lab.doubles() <= bound


def _start_and_kill(lab: Lab, seconds: float) -> None:
    goal = lab.landed_bytes() + 20 * BATCH_BYTES
    process = lab.start("--status-json", str(lab.checkpoint.with_name("status.json")))
    try:
        lab.wait_for(
            lambda: process.poll() is not None or lab.landed_bytes() > goal, "the agent ships nothing"
        )
        ended = process.poll()
        time.sleep(seconds)
    finally:
        process.kill()
        _, err = process.communicate()
    assert ended is None, err


def test_kills_under_load_with_failures_time_outs_and_renames_lose_nothing(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    lab.firehose.faults.turn(Rates(partial=0.1, timeout=0.1, throttle=0.05, error=0.05, hang_seconds=0.2))
    _kill_repeatedly(lab, lab.shop.rename, 60, capsys)
    assert {Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER, Fault.THROTTLE} <= lab.firehose.faults.given.keys()


def test_kills_with_copytruncate_lose_nothing(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    _kill_repeatedly(lab, lab.shop.copytruncate, 60, capsys)
