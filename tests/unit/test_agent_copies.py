"""A copy of a log is known by what is in it: copytruncate's is read where the log was not, no line twice."""

import os
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.agent_desk import Desk


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


def test_compressed_files_are_passed_over(desk: Desk) -> None:
    desk.write(b"\x1f\x8b\n", desk.logs / "orders.log.1.gz")
    assert desk.read() == b""


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
