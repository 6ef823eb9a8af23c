"""The shop is killed in the middle of its writing; no id is lost, and none means two things."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest

from contracts.order_line import salvage_event_id, split_event_id

KILLS = int(os.environ.get("CADABRA_KILLS", "5"))
DEADLINE_SECONDS = 60


def killed_while_writing(folder: Path, options: list[str], more_bytes: int) -> None:
    """Kills -9 once this run has written so much more."""
    command = [sys.executable, "-m", "log_generator", "shop", "--out", str(folder), *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_for_bytes(process, folder, size(folder) + more_bytes)
    finally:
        process.kill()
        process.wait()


def wait_for_bytes(process: subprocess.Popen, folder: Path, wanted: int) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while size(folder) < wanted:
        assert process.poll() is None, "the shop ended by itself"
        assert time.monotonic() < deadline, f"{size(folder)} of {wanted} bytes"
        time.sleep(0.001)


def test_a_stop_is_clean(tmp_path):
    """SIGTERM: the count is written, and the register knows the last id even without the logs."""
    count = tmp_path / "count.json"
    command = [
        sys.executable,
        "-m",
        "log_generator",
        "shop",
        "--out",
        str(tmp_path / "logs"),
        "--rate",
        "2000",
    ]
    with subprocess.Popen([*command, "--json", str(count)], stdout=subprocess.PIPE) as process:
        wait_for_bytes(process, tmp_path / "logs", 10_000)
        process.terminate()
        output, _ = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 0
    assert b"wrote" in output
    written = json.loads(count.read_text())
    register = json.loads((tmp_path / "logs" / "register.json").read_text())
    lines = (tmp_path / "logs" / "orders.log").read_bytes().splitlines()
    assert written["lines"] == len(lines)
    assert written["last"] == register["settled"] == register["reserved"]
    assert salvage_event_id(lines[-1]) == f"{written['source']}-{written['last']}"


def test_an_interrupt_while_the_order_file_is_still_read_is_no_traceback(tmp_path):
    """Ctrl-C before the first line is written; a pipe stands in for a file that takes long."""
    orders = tmp_path / "orders.csv"
    os.mkfifo(orders)
    command = [sys.executable, "-m", "log_generator", "replay", str(orders), "--out", str(tmp_path / "logs")]
    with (
        subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process,
        orders.open("wb"),  # returns when the other side has opened it, too
    ):
        process.send_signal(signal.SIGINT)
        try:
            _, said = process.communicate(timeout=DEADLINE_SECONDS)
        finally:
            process.kill()  # where it has not ended: leaving the block waits for it
    assert process.returncode == 130
    assert said.count("\n") == 1
    assert "the same command goes on" in said


def size(folder: Path) -> int:
    total = 0
    for path in folder.glob("orders.log*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:  # it has just been renamed
            continue
    return total


@pytest.mark.parametrize("copytruncate", [False, True], ids=["rename", "copytruncate"])
def test_no_id_is_lost_or_used_twice_over_kills(tmp_path, copytruncate):
    """Simulated clock and real time in turn, with many rotations; then a clean run."""
    chance = random.Random(f"shop-{copytruncate}")
    rotation = ["--rotate-bytes", "300000", *(["--copytruncate"] if copytruncate else [])]
    size_of_shop = ["--customers", "500", "--items", "200", "--dirt", "10"]
    for kill in range(KILLS):
        endless = ["--rate", "200000"] if kill % 2 else ["--lines", "50000000"]
        killed_while_writing(tmp_path, [*size_of_shop, *rotation, *endless], chance.randrange(5_000_000))
    last = subprocess.run(
        [sys.executable, "-m", "log_generator", "shop", "--out", str(tmp_path), "--lines", "1000"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "wrote 1,000 lines" in last.stdout
    texts_of: dict[int, set[bytes]] = defaultdict(set)
    copies: dict[int, int] = defaultdict(int)
    for path in tmp_path.glob("orders.log*"):
        content = path.read_bytes()
        assert content.endswith(b"\n")
        for line in content.splitlines():
            found = split_event_id(salvage_event_id(line))
            assert found is not None, line
            texts_of[found[1]].add(line)
            copies[found[1]] += 1
    assert texts_of.keys() == set(range(1, max(texts_of) + 1))
    assert all(len(texts) == 1 for texts in texts_of.values())
    assert max(copies.values()) == 2  # the lines the dirt has doubled
