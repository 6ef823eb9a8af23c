"""A file is known by what is in it: through renames, truncation, restores and new starts."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from firehose.agent.config import END_OF_FILE
from tests.agent_desk import Desk


def test_whole_lines_are_read_once_and_an_unfinished_one_waits(desk: Desk) -> None:
    desk.write(b"a\nb\nhal")
    assert desk.read() == b"a\nb\n"
    assert desk.read() == b""
    desk.write(b"f\n")
    assert desk.read() == b"half\n"


@pytest.mark.parametrize("restart", [False, True])
def test_a_renamed_file_goes_on_and_the_new_one_starts(desk: Desk, restart: bool) -> None:
    desk.write(b"a\n")
    assert desk.read() == b"a\n"
    desk.write(b"b\n")
    desk.log.rename(desk.logs / "orders.log.1")
    desk.write(b"c\n")
    if restart:
        desk.restart()
    desk.write(b"late\n", desk.logs / "orders.log.1")
    assert sorted(desk.read().splitlines()) == [b"b", b"c", b"late"]


def test_a_file_renamed_out_of_sight_is_drained(desk: Desk) -> None:
    desk.write(b"a\n")
    assert desk.read() == b"a\n"
    desk.write(b"b\n")
    desk.log.rename(desk.logs / "archive")
    assert desk.read() == b"b\n"
    desk.write(b"c\n", desk.logs / "archive")
    assert desk.read() == b"c\n"


def test_a_removed_file_is_drained(desk: Desk) -> None:
    desk.write(b"a\n")
    assert desk.read() == b"a\n"
    desk.write(b"b\n")
    desk.log.unlink()
    assert desk.read() == b"b\n"


def test_a_truncated_file_that_grew_beyond_what_was_read_is_read_from_its_start(desk: Desk) -> None:
    desk.write(b"first-1\nfirst-2\n")
    assert desk.read() == b"first-1\nfirst-2\n"
    os.truncate(desk.log, 0)
    desk.write(b"second-1\nsecond-2\nsecond-3\n")
    assert desk.read() == b"second-1\nsecond-2\nsecond-3\n"


def test_a_file_that_changed_since_it_was_looked_at_gives_no_bytes_of_the_new_content_as_the_olds(
    desk: Desk,
) -> None:
    desk.write(b"first-1\n")
    assert desk.read() == b"first-1\n"
    desk.write(b"first-2\n")
    desk.follower.scan()
    [generation] = desk.follower.generations
    os.truncate(desk.log, 0)
    desk.write(b"second-1\nsecond-2\n")
    assert desk.follower.read(generation, 1 << 20) == b""
    assert desk.read() == b"second-1\nsecond-2\n"


def test_bytes_that_went_away_unread_are_said(desk: Desk) -> None:
    desk.write(b"a\n")
    assert desk.read() == b"a\n"
    desk.write(b"unread\n")
    desk.follower.scan()
    os.truncate(desk.log, 0)
    desk.follower.scan()
    [warning] = desk.warnings
    assert "was truncated, replaced or removed, and no copy of it was found: 7 bytes after byte 2" in warning


def test_an_inode_used_again_while_stopped_is_a_new_file(desk: Desk) -> None:
    desk.write(b"old\n")
    assert desk.read() == b"old\n"
    inode = desk.log.stat().st_ino
    desk.stop()
    os.truncate(desk.log, 0)
    desk.write(b"new 1\nnew 2\n")
    assert desk.log.stat().st_ino == inode
    desk.start()
    assert desk.read() == b"new 1\nnew 2\n"


def test_a_file_written_anew_with_the_same_content_goes_on(desk: Desk) -> None:
    """As an editor or a restore does it: another inode, the same bytes, and more to come."""
    desk.write(b"a\nb\n")
    assert desk.read() == b"a\nb\n"
    content = desk.log.read_bytes()
    desk.log.unlink()
    desk.write(content)
    assert desk.read() == b""
    desk.write(b"c\n")
    assert desk.read() == b"c\n"


def test_a_file_rolled_back_and_continued_otherwise_is_read_anew(desk: Desk) -> None:
    desk.write(b"a\nb\nc\n")
    assert desk.read() == b"a\nb\nc\n"
    desk.write(b"d\n")
    assert desk.read() == b"d\n"
    long_head = desk.log.read_bytes()[:6]
    desk.stop()
    desk.start()
    os.truncate(desk.log, len(long_head))
    desk.follower.scan()
    desk.write(b"x\n")
    assert b"x\n" in desk.read()


def test_a_file_that_was_away_goes_on_where_it_was(desk: Desk, tmp_path: Path) -> None:
    desk.write(b"a\n")
    assert desk.read() == b"a\n"
    desk.stop()
    desk.log.rename(tmp_path / "away")
    desk.start()
    assert desk.read() == b""
    (tmp_path / "away").rename(desk.log)
    desk.write(b"b\n")
    assert desk.read() == b"b\n"


def test_end_of_file_ships_what_comes_and_the_line_that_was_unfinished(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.flow = replace(desk.flow, initial_position=END_OF_FILE)
    desk.write(b"old\nhal")
    desk.start()
    assert desk.read() == b""
    desk.write(b"f\n")
    desk.write(b"other\n", desk.logs / "orders.log.new")
    assert sorted(desk.read().splitlines()) == [b"half", b"other"]
    desk.stop()


def test_a_file_that_was_seen_and_never_read_is_known_again(desk: Desk) -> None:
    desk.write(b"a\n")
    desk.follower.scan()
    for _ in range(3):
        desk.restart()
    assert len(desk.checkpoint.positions(desk.flow.identity)) == 1
    assert desk.warnings == []
    desk.log.rename(desk.logs / "orders.log.1")
    desk.restart()
    assert desk.read() == b"a\n"
    desk.restart()
    assert desk.read() == b""


def test_the_folder_may_come_later(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.logs.rmdir()
    desk.start()
    assert desk.read() == b""
    desk.logs.mkdir()
    desk.write(b"a\n")
    assert desk.read() == b"a\n"
    desk.stop()


def test_a_line_of_any_length_has_an_end(desk: Desk) -> None:
    desk.write(b"x" * 3_000_000)
    desk.follower.scan()
    [generation] = desk.follower.generations
    assert desk.follower.read(generation, 1 << 20) == b""
    assert desk.follower.find_line_end(generation) is None
    desk.write(b"y\nz\n")
    desk.follower.scan()
    end = desk.follower.find_line_end(generation)
    assert end == 3_000_002
    desk.follower.pass_over(generation, end)
    assert desk.read() == b"z\n"
