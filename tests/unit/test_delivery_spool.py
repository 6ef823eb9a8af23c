"""What the spool acknowledged is there after a kill, once, in order."""

import os
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firehose.delivery.spool import Spool, SpoolDamagedError, SpoolFullError

BUDGET = 1 << 20


def _records(spool: Spool) -> list[bytes]:
    return [
        record for segment in spool.segments() for frame in segment.frames() for record in frame.records()
    ]


def test_records_survive_a_new_start_in_order(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path / "s", BUDGET)
    spool.append([b"a", b"", b"bc"], 10.0)
    spool.append([b"d\n"], 11.0)
    spool.close()
    again = Spool.open(tmp_path / "s", BUDGET)
    again.append([b"e"], 12.0)
    assert _records(again) == [b"a", b"", b"bc", b"d\n", b"e"]
    assert again.active
    assert (again.active.records, again.active.payload_bytes, again.active.oldest) == (5, 6, 10.0)
    again.close()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.binary(max_size=40), min_size=1, max_size=5), min_size=1, max_size=5), st.data())
def test_a_put_cut_short_anywhere_takes_only_itself_away(
    tmp_path_factory: pytest.TempPathFactory, puts: list[list[bytes]], data: st.DataObject
) -> None:
    directory = tmp_path_factory.mktemp("spool") / "s"
    spool = Spool.open(directory, BUDGET)
    for put in puts[:-1]:
        spool.append(put, 1.0)
    whole = spool.active.file_bytes if spool.active else 0
    spool.append(puts[-1], 2.0)
    assert spool.active
    path, full = spool.active.path, spool.active.file_bytes
    spool.close()
    os.truncate(path, data.draw(st.integers(whole, full - 1)))
    again = Spool.open(directory, BUDGET)
    assert _records(again) == [record for put in puts[:-1] for record in put]
    assert again.damaged == []
    again.append([b"next"], 3.0)
    assert _records(again)[-1] == b"next"
    again.close()


def test_damage_is_kept_and_said_and_what_stands_before_it_is_delivered(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path / "s", BUDGET)
    spool.append([b"good"], 1.0)
    assert spool.active
    path, start = spool.active.path, spool.active.file_bytes
    spool.append([b"spoiled"], 1.0)
    spool.close()
    content = path.read_bytes()
    path.write_bytes(content.replace(b"spoiled", b"spoilt!"))
    again = Spool.open(tmp_path / "s", BUDGET)
    assert _records(again) == [b"good"]
    assert "checksum is wrong" in again.damaged[0]
    kept = path.with_suffix(".damaged").read_bytes()
    assert kept == content[start:].replace(b"spoiled", b"spoilt!")
    again.close()


def test_a_sealed_segment_stays_that_object_and_new_records_go_elsewhere(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path / "s", BUDGET)
    spool.append([b"first"], 1.0)
    with spool.changed:
        spool.seal(b"its waybill")
    spool.close()
    again = Spool.open(tmp_path / "s", BUDGET)
    again.append([b"second"], 2.0)
    assert [segment.waybill() for segment in again.sealed] == [b"its waybill"]
    assert _records(again) == [b"first", b"second"]
    again.remove(again.sealed[0])
    assert _records(again) == [b"second"]
    again.close()


def test_a_kill_between_removing_a_segment_and_its_waybill_gives_the_waybill_to_nobody(
    tmp_path: Path,
) -> None:
    spool = Spool.open(tmp_path / "s", BUDGET)
    spool.append([b"delivered"], 1.0)
    with spool.changed:
        spool.seal(b"old waybill")
    spool.sealed[0].path.unlink()  # and here comes the kill
    again = Spool.open(tmp_path / "s", BUDGET)
    again.append([b"new"], 2.0)
    assert again.sealed == []
    again.close()
    last = Spool.open(tmp_path / "s", BUDGET)
    assert last.sealed == []
    assert _records(last) == [b"new"]
    last.close()


def test_past_its_budget_it_takes_nothing_until_something_is_delivered(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path / "s", 1000)
    spool.append([bytes(600)], 1.0)
    with pytest.raises(SpoolFullError, match="of 1,000 bytes"):
        spool.append([bytes(600)], 2.0)
    with spool.changed:
        spool.seal(b"w")
    spool.remove(spool.sealed[0])
    spool.append([bytes(600)], 3.0)
    spool.close()


def test_a_write_that_fails_leaves_nothing_of_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool.open(tmp_path / "s", BUDGET)
    spool.append([b"a"], 1.0)
    write = os.writev
    with monkeypatch.context() as patch:
        patch.setattr(os, "writev", lambda descriptor, parts: write(descriptor, [parts[0][:7]]))
        with pytest.raises(SpoolFullError, match="cannot be written"):
            spool.append([b"lost"], 1.0)
    spool.append([b"b"], 1.0)
    spool.close()
    again = Spool.open(tmp_path / "s", BUDGET)
    assert _records(again) == [b"a", b"b"]
    again.close()


def test_many_threads_share_their_syncs_and_lose_nothing_over_seals(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path / "s", 1 << 24)

    def put(thread: int) -> None:
        for number in range(50):
            spool.append([b"%d-%d" % (thread, number)], 1.0)
            if number % 10 == thread:
                with spool.changed:
                    spool.seal(b"w")

    threads = [threading.Thread(target=put, args=(thread,)) for thread in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spool.close()
    again = Spool.open(tmp_path / "s", 1 << 24)
    assert sorted(_records(again)) == sorted(b"%d-%d" % (t, n) for t in range(6) for n in range(50))
    again.close()


def test_two_open_segments_are_not_guessed_about(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path / "s", BUDGET)
    spool.append([b"a"], 1.0)
    spool.close()
    assert spool.active
    copy = spool.active.path.with_name("000000000007.segment")
    copy.write_bytes(spool.active.path.read_bytes())
    with pytest.raises(SpoolDamagedError, match="both open"):
        Spool.open(tmp_path / "s", BUDGET)
