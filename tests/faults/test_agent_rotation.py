"""Files are rotated, cut, replaced and left unfinished under the agent: each line arrives once."""

import json
import os

import pytest

from tests.faults.agent_lab import DEADLINE_SECONDS, Lab


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


def test_header_lines_are_skipped_in_each_file(lab: Lab) -> None:
    settings = json.loads(lab.config.read_text())
    settings["flows"][0]["skipHeaderLines"] = 2
    lab.config.write_text(json.dumps(settings))
    for name in ("orders.log", "orders.log.b"):
        (lab.shop.directory / name).write_bytes(b"title\nnames of %s\n%s\n" % (name.encode(), name.encode()))
    lab.finish()
    assert sorted(lab.landed()) == [b"orders.log", b"orders.log.b"]


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
