"""A file is known by what is in it: through renames, copies, truncation and new starts."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firehose.agent.checkpoint import Checkpoint, CheckpointError, Position
from firehose.agent.config import END_OF_FILE, FIREHOSE, START_OF_FILE, Flow
from firehose.agent.files import Follower


@dataclass
class Desk:
    """A follower over a folder; `restart` is what a new process sees."""

    root: Path
    warnings: list[str] = field(default_factory=list)
    flow: Flow = field(init=False)

    def __post_init__(self) -> None:
        self.logs.mkdir(exist_ok=True)
        self.flow = Flow(self.logs, "orders.log*", FIREHOSE, "orders", initial_position=START_OF_FILE)

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def log(self) -> Path:
        return self.logs / "orders.log"

    def write(self, content: bytes, path: Path | None = None) -> None:
        with (path or self.log).open("ab") as file:
            file.write(content)

    def start(self) -> None:
        self.checkpoint = Checkpoint(self.root / "checkpoint")
        self.follower = Follower(self.flow, self.checkpoint, self.warnings.append)
        self.follower.begin()

    def read(self, limit: int = 1 << 20) -> bytes:
        """All there is to read now, acknowledged and committed as it is read."""
        self.follower.scan()
        found = b""
        while lines := b"".join(self._some(limit)):
            found += lines
            self.follower.scan()
        self.checkpoint.store(generation.position() for generation in self.follower.generations)
        return found

    def _some(self, limit: int) -> Iterator[bytes]:
        for generation in list(self.follower.generations):
            yield self.follower.read(generation, limit)
            generation.acknowledged = generation.read

    def stop(self) -> None:
        self.follower.close()
        self.checkpoint.close()

    def restart(self) -> None:
        self.stop()
        self.start()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    made.start()
    yield made
    made.stop()


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


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("copy", ["orders.log.1", "elsewhere"])
def test_what_was_unread_at_copytruncate_is_read_from_the_copy(desk: Desk, copy: str, restart: bool) -> None:
    desk.write(b"a\n")
    assert desk.read() == b"a\n"
    desk.write(b"b\n")
    shutil.copyfile(desk.log, desk.logs / copy)
    os.truncate(desk.log, 0)
    desk.write(b"new and longer\n")
    if restart:
        desk.restart()
    assert sorted(desk.read().splitlines()) == [b"b", b"new and longer"]
    assert desk.warnings == []


def test_a_copy_is_not_read_while_its_original_is_there(desk: Desk) -> None:
    desk.write(b"a\nb\n")
    assert desk.read() == b"a\nb\n"
    shutil.copyfile(desk.log, desk.logs / "orders.log.1")
    assert desk.read() == b""
    desk.log.unlink()
    desk.restart()
    assert desk.read() == b""


def test_a_copy_is_not_read_after_its_original_grew(desk: Desk) -> None:
    desk.write(b"a\nb\n")
    assert desk.read() == b"a\nb\n"
    shutil.copyfile(desk.log, desk.logs / "orders.log.1")
    desk.write(b"c\n")
    assert desk.read() == b"c\n"
    os.truncate(desk.log, 0)
    assert desk.read() == b""


def test_a_half_made_copy_is_not_read(desk: Desk) -> None:
    desk.write(b"a\nb\nc\n")
    assert desk.read() == b"a\nb\nc\n"
    desk.write(b"a\nb", desk.logs / "orders.log.1")
    assert desk.read() == b""


def test_another_file_with_the_same_first_line_is_read(desk: Desk) -> None:
    desk.write(b"header\n")
    assert desk.read() == b"header\n"
    desk.write(b"header\nx\n", desk.logs / "orders.log.b")
    assert desk.read() == b"header\nx\n"


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


def test_compressed_files_are_passed_over(desk: Desk) -> None:
    desk.write(b"\x1f\x8b\n", desk.logs / "orders.log.1.gz")
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


_DEEDS = st.sampled_from(["write", "rename", "copytruncate", "read", "restart", "half", "copy"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(deeds=st.lists(_DEEDS, max_size=14), limit=st.sampled_from([20, 1 << 20]))
def test_any_mix_of_rotations_and_restarts_reads_every_line_once(
    tmp_path_factory: pytest.TempPathFactory, deeds: list[str], limit: int
) -> None:
    desk = Desk(tmp_path_factory.mktemp("desk"))
    desk.start()
    number, files, written, found = 0, 0, [], b""
    for deed in (*deeds, "write", "read"):
        if deed == "write":
            for _ in range(3):
                number += 1
                written.append(b"line-%d" % number)
                desk.write(written[-1] + b"\n")
        elif deed == "half" and desk.log.exists() and not desk.log.read_bytes().endswith(b"half"):
            number += 1
            written.append(b"half-%d" % number)
            desk.write(written[-1][:4])
            found += desk.read(limit)
            desk.write(written[-1][4:] + b"\n")
        elif deed == "rename" and desk.log.exists():
            files += 1
            desk.log.rename(desk.logs / f"orders.log.{files}")
        elif deed in ("copytruncate", "copy") and desk.log.exists():
            files += 1
            shutil.copyfile(desk.log, desk.logs / f"{'orders.log' if deed != 'copy' else 'x'}.{files}")
            if deed == "copytruncate":
                os.truncate(desk.log, 0)
        elif deed == "read":
            found += desk.read(limit)
        elif deed == "restart":
            desk.restart()
    desk.stop()
    assert sorted(found.splitlines()) == sorted(written)


def test_a_checkpoint_is_all_or_nothing(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "c")
    position = Position(0, "/l/x", 1, 2, 0, "", 5, 9)
    checkpoint.begin("flow", [position])
    [stored] = checkpoint.positions("flow")
    with pytest.raises(CheckpointError):
        checkpoint.store([replace(stored, acknowledged=7), replace(stored, path=None)])  # type: ignore[arg-type]
    assert checkpoint.positions("flow") == [stored]
    checkpoint.close()


@pytest.mark.parametrize("content", [b"", b"garbage" * 1000])
def test_a_checkpoint_that_is_none_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "c"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="cannot be used"):
        Checkpoint(path)
    assert path.read_bytes() == content
