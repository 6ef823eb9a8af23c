"""Whoever asks the agent, or tells it to stop, gets an answer."""

import fcntl
import json
import os
import pty
import signal
import struct
import termios

from firehose.delivery.faults import Fault, Rates
from tests.faults.agent_lab import DEADLINE_SECONDS, STREAM, Lab


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
