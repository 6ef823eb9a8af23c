"""What cannot be shipped, kept or begun: the agent says so, and loses nothing."""

import json
import signal

import pytest

from firehose.delivery.faults import Rates
from tests.faults.agent_lab import DEADLINE_SECONDS, Lab


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


def test_without_its_stream_the_agent_waits_and_until_idle_gives_up_with_the_reason(lab: Lab) -> None:
    settings = json.loads(lab.config.read_text())
    settings["socketTimeoutMillis"] = 20_000  # a busy machine's answer is waited for
    settings["flows"][0]["deliveryStream"] = "missing"
    lab.config.write_text(json.dumps(settings))
    lab.shop.write(10)
    process = lab.start("--until-idle", "--give-up-seconds", "3")
    _, err = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 1
    assert "Firehose missing under account" in err
    assert "Nothing is lost" in err
    lab.firehose.make("missing")
    lab.finish()
    assert sum(lab.firehose.lines("missing").values()) == 10
