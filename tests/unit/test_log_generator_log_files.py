"""The log folder: rotated as on a server, gone on with after any end, no id used twice and none left out."""

import os
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from contracts.order_line import Fate, salvage_event_id, split_event_id
from log_generator.errors import FolderTakenError, ForeignLogError, RegisterError
from log_generator.log_files import BY_NOTHING, LogFiles, Rotation, writing_alone
from log_generator.log_lines import LogLines, number_of
from log_generator.register import RESERVED_AT_ONCE, Register, read_register
from log_generator.shop import completed

TEN = 1_795_168_800  # 2026-11-20T10:00:00Z
HOUR_S = 3_600


def order(sequence: int, time: int = TEN) -> bytes:
    stamp = str(np.datetime64(time, "s"))
    return f"500001,85123A,Board,1,{stamp}Z,2.55,12346,United Kingdom,till-{sequence}\n".encode()


def orders(first: int, last: int, times: dict[int, int] | None = None) -> LogLines:
    numbers = np.arange(first, last + 1)
    when = np.array([(times or {}).get(number, TEN) for number in numbers.tolist()], np.int64)
    texts = [order(number, time) for number, time in zip(numbers.tolist(), when.tolist(), strict=True)]
    fates = np.full(len(numbers), number_of(Fate.SALE), np.int8)
    return LogLines(pa.array(texts, pa.large_binary()), numbers, when, fates)


def opened(folder: Path, rotation: Rotation = BY_NOTHING) -> LogFiles:
    return LogFiles(folder, rotation, read_register(folder) or Register("till"))


def contents(folder: Path) -> dict[str, list[int]]:
    """The sequence numbers in each log."""
    return {
        path.name: [split_event_id(salvage_event_id(line))[1] for line in path.read_bytes().splitlines()]
        for path in folder.glob("orders.log*")
    }


def killed(log: LogFiles) -> None:
    """As kill -9 leaves it: nothing is settled."""
    log._file.close()


def test_rotation_by_size_keeps_whole_lines_and_numbers_old_logs_as_logrotate_does(tmp_path):
    with opened(tmp_path, Rotation(max_bytes=2 * len(order(1)))) as log:
        log.append(orders(1, 5))
        log.append(orders(6, 7))
    assert contents(tmp_path) == {
        "orders.log.3": [1, 2],
        "orders.log.2": [3, 4],
        "orders.log.1": [5, 6],
        "orders.log": [7],
    }


def test_rotation_by_the_hour_names_old_logs_by_their_hour(tmp_path):
    late = {2: TEN + HOUR_S - 1, 3: TEN + HOUR_S, 4: TEN + HOUR_S, 5: TEN + 4 * HOUR_S}
    with opened(tmp_path, Rotation(hourly=True)) as log:
        log.append(orders(1, 5, late))
    assert contents(tmp_path) == {
        "orders.log.2026-11-20T10": [1, 2],
        "orders.log.2026-11-20T11": [3, 4],
        "orders.log": [5],
    }


def test_rotation_by_the_hour_holds_over_a_restart(tmp_path):
    rotation = Rotation(hourly=True)
    with opened(tmp_path, rotation) as log:
        log.append(orders(1, 1))
    with opened(tmp_path, rotation) as log:
        log.append(orders(2, 2))
        log.append(orders(3, 3, {3: TEN + HOUR_S}))
    assert contents(tmp_path) == {"orders.log.2026-11-20T10": [1, 2], "orders.log": [3]}


@pytest.mark.parametrize("rotation", [Rotation(max_bytes=300), Rotation(300, copytruncate=True)])
def test_every_line_is_in_exactly_one_log_however_it_rotates(tmp_path, rotation):
    with opened(tmp_path, rotation) as log:
        for first in range(1, 60, 3):
            log.append(orders(first, first + 2))
    every = sorted(number for numbers in contents(tmp_path).values() for number in numbers)
    assert every == list(range(1, 61))
    assert max(path.stat().st_size for path in tmp_path.glob("orders.log*")) <= 300


def test_copytruncate_keeps_the_file_and_renaming_replaces_it(tmp_path):
    """An agent sees the difference in the inode."""
    kept = {}
    for copytruncate in (True, False):
        folder = tmp_path / str(copytruncate)
        folder.mkdir()
        with opened(folder, Rotation(300, copytruncate=copytruncate)) as log:
            log.append(orders(1, 1))
            inode = (folder / "orders.log").stat().st_ino
            log.append(orders(2, 9))
            kept[copytruncate] = (folder / "orders.log").stat().st_ino == inode
    assert kept == {True: True, False: False}


def test_a_line_larger_than_the_limit_has_a_log_of_its_own(tmp_path):
    with opened(tmp_path, Rotation(max_bytes=10)) as log:
        log.append(orders(1, 3))
    assert contents(tmp_path) == {"orders.log.2": [1], "orders.log.1": [2], "orders.log": [3]}


def test_after_a_clean_end_the_sequence_goes_on_even_if_the_logs_were_cleaned_away(tmp_path):
    with opened(tmp_path) as log:
        log.append(orders(1, 7))
    for path in tmp_path.glob("orders.log*"):
        path.unlink()
    with opened(tmp_path) as log:
        assert log.sequence == 7


def test_after_a_kill_the_logs_say_how_far_it_got(tmp_path):
    log = opened(tmp_path)
    log.append(orders(1, 7))
    killed(log)
    with opened(tmp_path) as log:
        assert log.sequence == 7


def test_after_a_kill_and_a_clean_up_of_the_logs_ids_are_passed_over_but_never_reused(tmp_path):
    log = opened(tmp_path)
    log.append(orders(1, 7))
    killed(log)
    (tmp_path / "orders.log").unlink()
    with opened(tmp_path) as log:
        assert log.sequence == 7 + RESERVED_AT_ONCE


def test_after_a_kill_a_log_moved_by_the_servers_own_logrotate_is_found(tmp_path):
    log = opened(tmp_path)
    log.append(orders(1, 7))
    killed(log)
    (tmp_path / "orders.log").rename(tmp_path / "orders.log-20261120")
    with opened(tmp_path) as log:
        assert log.sequence == 7


def test_after_a_kill_old_logs_that_were_compressed_are_not_missed(tmp_path):
    """Right after a rotation all that tells is the register."""
    log = opened(tmp_path, Rotation(max_bytes=1))
    log.append(orders(1, 7))
    log._rotate()
    killed(log)
    for path in tmp_path.glob("orders.log.*"):
        path.rename(path.with_name(path.name + ".gz"))
    with opened(tmp_path) as log:
        assert log.sequence == 7


def test_a_kill_right_after_a_rotation_leaves_no_gap(tmp_path):
    """In every state the folder goes through: renamed, not yet opened anew, opened and still empty."""
    rotation = Rotation(max_bytes=1)
    log = opened(tmp_path, rotation)
    log.append(orders(1, 7))
    log._rotate()
    killed(log)
    with_empty_log = tmp_path / "empty"
    shutil.copytree(tmp_path, with_empty_log, ignore=shutil.ignore_patterns("empty"))
    with opened(with_empty_log, rotation) as log:
        assert log.sequence == 7
    (tmp_path / "orders.log").unlink()
    with opened(tmp_path, rotation) as log:
        assert log.sequence == 7


def test_a_kill_between_copy_and_truncate_doubles_nothing(tmp_path):
    log = opened(tmp_path, Rotation(10_000, copytruncate=True))
    log.append(orders(1, 7))
    killed(log)
    shutil.copyfile(tmp_path / "orders.log", tmp_path / "orders.log.1")
    (tmp_path / "rotating.tmp").write_bytes(b"half a co")
    with opened(tmp_path) as log:
        assert log.sequence == 7
        log.append(orders(8, 8))
    assert contents(tmp_path) == {"orders.log.1": [1, 2, 3, 4, 5, 6, 7], "orders.log": [8]}
    assert not (tmp_path / "rotating.tmp").exists()


@pytest.mark.parametrize("length", range(1, len(order(8))))
def test_a_torn_line_is_completed_wherever_a_kill_tore_it(tmp_path, length):
    """The next line stands on its own, the torn one keeps its number, and the folder's logs only grow."""
    log = opened(tmp_path)
    log.append(orders(1, 7))
    killed(log)
    with (tmp_path / "orders.log").open("ab") as live:
        live.write(order(8)[:length])
    with opened(tmp_path, Rotation(max_bytes=10)) as log:
        assert (log.sequence, log.torn) == (7, order(8)[:length])
        log.append(completed(log.torn, "till", 8, TEN))
        log.append(orders(9, 9))
    assert contents(tmp_path) == {"orders.log.1": [1, 2, 3, 4, 5, 6, 7, 8], "orders.log": [9]}


def test_a_second_generator_is_refused_while_the_first_writes(tmp_path):
    refused = pytest.raises(FolderTakenError, match="stop it first")
    with writing_alone(tmp_path), refused, writing_alone(tmp_path):
        pass
    with writing_alone(tmp_path):
        pass


def test_logs_of_another_source_are_refused(tmp_path):
    (tmp_path / "orders.log").write_bytes(order(1).replace(b"till-1", b"other-1"))
    with pytest.raises(ForeignLogError, match="of source other, not till"):
        opened(tmp_path)


def test_an_unreadable_register_stops_the_run(tmp_path):
    """Starting from 1 again would give old ids to new orders."""
    (tmp_path / "register.json").write_text('{"source": "till", "settl')
    with pytest.raises(RegisterError, match="restore it, or write to another folder"):
        opened(tmp_path)


def test_a_full_disk_leaves_a_folder_that_can_be_gone_on_with(tmp_path):
    """/dev/full answers each write as a full disk does."""
    log = opened(tmp_path)
    log.append(orders(1, 3))
    with Path("/dev/full").open("wb", buffering=0) as full:
        os.dup2(full.fileno(), log._file.fileno())
    with pytest.raises(OSError, match="No space left"), log:
        log.append(orders(4, 6))
    with opened(tmp_path) as log:
        assert log.sequence == 3
