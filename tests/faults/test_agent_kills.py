"""The agent is killed, starved and tricked; every line whose bytes still existed arrives."""

import fcntl
import json
import os
import pty
import random
import resource
import shutil
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from firehose.delivery.embedded import Embedded, endpoint
from firehose.delivery.faults import Fault, Rates

KILLS = int(os.environ.get("CADABRA_KILLS", "5"))
STREAM = "orders"
DEADLINE_SECONDS = 60
BUDGET_MIB = 1
BATCH_BYTES = 6_000


@dataclass
class Shop:
    """Writes numbered lines, and rotates as told, from a thread of its own."""

    directory: Path
    written: list[bytes] = field(default_factory=list)
    sequence: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def log(self) -> Path:
        return self.directory / "orders.log"

    def write(self, lines: int) -> None:
        made = [self._line() for _ in range(lines)]
        with self.log.open("ab") as file:
            file.write(b"".join(made))
        self.written += made

    def rename(self) -> None:
        """The newest old file is .1, as with logrotate."""
        self._move_up()
        self.log.rename(self.directory / "orders.log.1")

    def copytruncate(self) -> None:
        self._move_up()
        shutil.copyfile(self.log, self.directory / "orders.log.1")
        os.truncate(self.log, 0)

    def keep_writing(self, rotate: Callable[[], None], every: int, lines: int = 40) -> threading.Thread:
        def work() -> None:
            turn = 0
            while not self.stopping.is_set():
                self.write(lines)
                turn += 1
                if turn % every == 0:
                    rotate()
                self.stopping.wait(0.004)

        thread = threading.Thread(target=work)
        thread.start()
        return thread

    def _move_up(self) -> None:
        numbers = sorted(int(path.suffix[1:]) for path in self.directory.glob("orders.log.*"))
        for number in reversed(numbers):
            (self.directory / f"orders.log.{number}").rename(self.directory / f"orders.log.{number + 1}")

    def _line(self) -> bytes:
        self.sequence += 1
        return b'536365,85123A,"HOLDER, WHITE",6,2026-11-20T08:26:00Z,2.55,17850,UK,web1-%d\n' % self.sequence


@dataclass
class Lab:
    shop: Shop
    firehose: Embedded
    config: Path
    checkpoint: Path

    def start(
        self, *arguments: str, limit_bytes: int = 0, stderr: int = subprocess.PIPE
    ) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "firehose.agent", "-c", str(self.config), *arguments]
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "AWS_ENDPOINT_URL_FIREHOSE": self.firehose.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        return subprocess.Popen(
            [*command, "--memory-mib", str(BUDGET_MIB)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            preexec_fn=(lambda: _limit_file_size(limit_bytes)) if limit_bytes else None,  # noqa: PLW1509 (the child does nothing else)
        )

    def finish(self, *arguments: str) -> str:
        """Run until idle; its closing line."""
        process = self.start("--until-idle", *arguments)
        out, err = process.communicate(timeout=DEADLINE_SECONDS)
        assert process.returncode == 0, err
        return out

    def landed(self) -> Counter[bytes]:
        return self.firehose.lines(STREAM)

    def landed_bytes(self) -> int:
        return sum(segment.payload_bytes for segment in self.firehose.streams.get(STREAM).spool.segments())

    def doubles(self) -> int:
        return sum(count - 1 for count in self.landed().values())

    def assert_nothing_lost(self) -> None:
        landed = self.landed()
        missing = [line for line in self.shop.written if line.rstrip(b"\n") not in landed]
        assert not missing, f"{len(missing)} of {len(self.shop.written)} lost, first {missing[:3]}"
        assert set(landed) == {line.rstrip(b"\n") for line in self.shop.written}

    def wait_for(self, what: Callable[[], bool], why: str) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not what():
            assert time.monotonic() < deadline, why
            time.sleep(0.02)


def _limit_file_size(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    logs = tmp_path / "logs"
    logs.mkdir()
    checkpoint = tmp_path / "agent" / "checkpoints"
    config = tmp_path / "agent.json"
    flow = {
        "filePattern": str(logs / "orders.log*"),
        "deliveryStream": STREAM,
        "initialPosition": "START_OF_FILE",
        "aggregatedRecordSizeBytes": 1000,
        "maxBufferSizeBytes": BATCH_BYTES,
        "maxBufferAgeMillis": 1000,
        "retryInitialBackoffMillis": 5,
        "retryMaxBackoffMillis": 50,
    }
    config.write_text(
        json.dumps(
            {
                "cloudwatch.emitMetrics": False,
                "checkpointFile": str(checkpoint),
                "socketTimeoutMillis": 150,
                "shutdownTimeoutMillis": 1000,
                "flows": [flow],
            }
        )
    )
    with endpoint(tmp_path / "delivery") as firehose:
        firehose.make(STREAM)
        yield Lab(Shop(logs), firehose, config, checkpoint)


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


def test_copytruncate_while_the_agent_runs_doubles_nothing(lab: Lab) -> None:
    lab.shop.write(100)
    thread = lab.shop.keep_writing(lab.shop.copytruncate, 25)
    process = lab.start()
    lab.wait_for(lambda: len(list(lab.shop.directory.iterdir())) > 8, "no rotations")
    lab.shop.stopping.set()
    thread.join()
    lab.wait_for(lambda: len(lab.landed()) == len(lab.shop.written), "lines are missing")
    process.terminate()
    _, err = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 0, err
    lab.assert_nothing_lost()
    assert lab.doubles() == 0


@pytest.mark.parametrize("rotation", ["rename", "copytruncate"])
def test_rotation_while_stopped_loses_and_doubles_nothing(lab: Lab, rotation: str) -> None:
    lab.shop.write(500)
    lab.finish()
    lab.shop.write(300)
    getattr(lab.shop, rotation)()
    lab.shop.write(800)
    lab.finish()
    lab.assert_nothing_lost()
    assert lab.doubles() == 0


def test_a_file_made_anew_on_the_same_inode_while_stopped_is_read_from_its_start(lab: Lab) -> None:
    lab.shop.write(500)
    lab.finish()
    inode = lab.shop.log.stat().st_ino
    os.truncate(lab.shop.log, 0)
    lab.shop.write(900)
    assert lab.shop.log.stat().st_ino == inode
    assert lab.shop.log.stat().st_size > 500 * len(lab.shop.written[0])
    lab.finish()
    lab.assert_nothing_lost()
    assert lab.doubles() == 0


def test_a_file_removed_and_made_again_is_read_from_its_start(lab: Lab) -> None:
    lab.shop.write(500)
    lab.finish()
    lab.shop.log.unlink()
    lab.shop.write(100)
    lab.finish()
    lab.assert_nothing_lost()
    assert lab.doubles() == 0


def test_a_file_truncated_while_it_is_read_is_read_from_its_start(lab: Lab) -> None:
    lab.shop.write(500)
    process = lab.start()
    lab.wait_for(lambda: len(lab.landed()) == 500, "the first lines are missing")
    os.truncate(lab.shop.log, 0)
    lab.shop.write(1500)
    lab.wait_for(lambda: len(lab.landed()) == 2000, "the second lines are missing")
    process.terminate()
    process.communicate(timeout=DEADLINE_SECONDS)
    lab.assert_nothing_lost()
    assert lab.doubles() == 0


def test_a_stuck_record_holds_the_offset_through_sigterm_and_arrives_later(lab: Lab) -> None:
    lab.firehose.faults.turn(Rates(stuck="web1-7\n"))
    lab.shop.write(2000)
    process = lab.start()
    lab.wait_for(lambda: len(lab.landed()) > 1500, "the other records are missing")
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 0, err
    assert "are not acknowledged yet" in out
    assert lab.shop.written[6].rstrip() not in lab.landed()
    lab.firehose.faults.turn(Rates())
    lab.finish()
    lab.assert_nothing_lost()


def test_a_refused_record_goes_into_quarantine_and_the_others_arrive(lab: Lab) -> None:
    lab.firehose.faults.turn(Rates(refused="web1-1007\n"))
    lab.shop.write(2000)
    assert "1 quarantined" in lab.finish()
    kept = [path.read_bytes() for path in lab.checkpoint.parent.glob("checkpoints.quarantine/*.lines")]
    assert len(kept) == 1
    assert lab.shop.written[1006] in kept[0]
    landed = {line + b"\n" for line in lab.landed()}
    assert landed | set(kept[0].splitlines(keepends=True)) == set(lab.shop.written)


def test_lines_longer_than_a_record_go_into_quarantine_whole_and_the_others_arrive(lab: Lab) -> None:
    lab.shop.write(5)
    long, endless = b"x" * 1_500_000 + b"\n", b"y" * 5_000_000 + b"\n"
    for line in (long, endless):
        with lab.shop.log.open("ab") as file:
            file.write(line)
        lab.shop.write(5)
    assert "2 quarantined" in lab.finish()
    kept = [path.read_bytes() for path in lab.checkpoint.parent.glob("checkpoints.quarantine/*.lines")]
    assert sorted(kept) == [long, endless]
    lab.assert_nothing_lost()
    assert lab.doubles() == 0
    assert "shipped 0 lines" in lab.finish()


def test_header_lines_are_skipped_in_each_file(lab: Lab) -> None:
    settings = json.loads(lab.config.read_text())
    settings["flows"][0]["skipHeaderLines"] = 2
    lab.config.write_text(json.dumps(settings))
    for name in ("orders.log", "orders.log.b"):
        (lab.shop.directory / name).write_bytes(b"title\nnames of %s\n%s\n" % (name.encode(), name.encode()))
    lab.finish()
    assert sorted(lab.landed()) == [b"orders.log", b"orders.log.b"]


def test_a_full_disk_stops_the_agent_with_a_message_and_loses_nothing(lab: Lab) -> None:
    lab.shop.write(200)
    thread = lab.shop.keep_writing(lab.shop.rename, 1000)
    process = lab.start(limit_bytes=64 * 1024)
    _, err = process.communicate(timeout=DEADLINE_SECONDS)
    lab.shop.stopping.set()
    thread.join()
    assert process.returncode == 1
    assert "cannot be written" in err
    assert "Traceback" not in err
    lab.finish()
    lab.assert_nothing_lost()


@pytest.mark.parametrize("content", [b"", b"not a database, but longer than a page of one " * 200])
def test_an_unreadable_checkpoint_stops_the_agent_and_is_left_alone(lab: Lab, content: bytes) -> None:
    lab.shop.write(10)
    lab.checkpoint.parent.mkdir()
    lab.checkpoint.write_bytes(content)
    process = lab.start("--until-idle")
    _, err = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 1
    assert str(lab.checkpoint) in err
    assert "Nothing was shipped" in err
    assert "Traceback" not in err
    assert lab.checkpoint.read_bytes() == content
    assert not lab.landed()


def test_a_second_agent_with_the_same_checkpoint_is_refused(lab: Lab) -> None:
    lab.shop.write(10)
    first = lab.start()
    lab.wait_for(lambda: len(lab.landed()) == 10, "the first agent ships nothing")
    second = lab.start("--until-idle")
    _, err = second.communicate(timeout=DEADLINE_SECONDS)
    first.terminate()
    first.communicate(timeout=DEADLINE_SECONDS)
    assert second.returncode == 1
    assert "another agent works with" in err


def test_an_unfinished_last_line_waits_and_is_reported(lab: Lab) -> None:
    lab.shop.write(3)
    with lab.shop.log.open("ab") as file:
        file.write(b"half a li")
    assert "9 bytes of unfinished last lines wait" in lab.finish()
    with lab.shop.log.open("ab") as file:
        file.write(b"ne\n")
    lab.shop.written.append(b"half a line\n")
    assert "shipped 1 lines" in lab.finish()
    lab.assert_nothing_lost()
    assert lab.doubles() == 0


def test_without_its_stream_the_agent_waits_and_until_idle_gives_up_with_the_reason(lab: Lab) -> None:
    lab.config.write_text(lab.config.read_text().replace(f'"{STREAM}"', '"missing"'))
    lab.shop.write(10)
    process = lab.start("--until-idle", "--give-up-seconds", "0.5")
    _, err = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 1
    assert "Firehose missing under account" in err
    assert "Nothing is lost" in err
    lab.firehose.make("missing")
    lab.finish()
    assert sum(lab.firehose.lines("missing").values()) == 10


def test_asked_by_a_signal_the_agent_prints_its_status_as_json(lab: Lab) -> None:
    lab.shop.write(100)
    process = lab.start()
    lab.wait_for(lambda: len(lab.landed()) == 100, "the lines are missing")
    process.send_signal(signal.SIGUSR1)
    assert process.stdout
    [flow] = json.loads(process.stdout.readline())["flows"]
    process.terminate()
    process.communicate(timeout=DEADLINE_SECONDS)
    assert flow["flow"].startswith(f"firehose:{STREAM}:")
    assert (flow["files"], flow["quarantined"], flow["waiting"]) == (1, 0, "")
    assert flow["lines"] + flow["lag_bytes"] > 0


def test_told_to_stop_while_its_stream_is_missing_the_agent_waits_for_nothing(lab: Lab) -> None:
    settings = json.loads(lab.config.read_text())
    settings["shutdownTimeoutMillis"] = 3_600_000
    settings["flows"][0]["deliveryStream"] = "missing"
    lab.config.write_text(json.dumps(settings))
    lab.shop.write(100)
    status = lab.checkpoint.with_name("status.json")
    process = lab.start("--status-json", str(status))
    lab.wait_for(lambda: status.exists() and "Firehose missing" in status.read_text(), "it does not wait")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 0, err
    assert "bytes are not acknowledged yet" in out


def test_a_second_signal_ends_the_agent_at_once_and_loses_nothing(lab: Lab) -> None:
    lab.config.write_text(
        lab.config.read_text().replace('"shutdownTimeoutMillis": 1000', '"shutdownTimeoutMillis": 3600000')
    )
    lab.firehose.faults.turn(Rates(throttle=1))
    lab.shop.write(100)
    process = lab.start()
    lab.wait_for(lambda: lab.firehose.faults.given[Fault.THROTTLE] > 3, "it sends nothing")
    process.send_signal(signal.SIGTERM)
    before = lab.firehose.faults.given[Fault.THROTTLE]
    lab.wait_for(lambda: lab.firehose.faults.given[Fault.THROTTLE] > before + 20, "it gave up by itself")
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 0, err
    lab.firehose.faults.turn(Rates())
    lab.finish()
    lab.assert_nothing_lost()


def test_on_a_terminal_the_status_line_is_live(lab: Lab) -> None:
    lab.config.write_text(lab.config.read_text().replace(f'"{STREAM}"', '"missing"'))
    lab.shop.write(100)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
    process = lab.start(stderr=theirs)
    os.close(theirs)
    said = b""
    while b"bytes behind" not in said or b"waiting: ResourceNotFound" not in said:
        said += os.read(ours, 4096)
    process.terminate()
    while chunk := _read_until_hangup(ours):
        said += chunk
    process.communicate(timeout=DEADLINE_SECONDS)
    os.close(ours)
    assert b"1 file, 0 lines, 0 lines/s, " in said
    assert b"Ctrl-C again ends it now" in said


def _read_until_hangup(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # the other side of the terminal is closed
        return b""
