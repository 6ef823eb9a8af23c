"""A real order file as logs: every line once, whatever its encoding, its line ends or the kills."""

import bz2
import gzip
import lzma
import os
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contracts.order_line import Fate, RefusedLineError, fate_of, parse_line, salvage_event_id
from log_generator.__main__ import main
from log_generator.errors import OrderFileError, RequestError
from log_generator.log_files import Rotation
from log_generator.order_file import survey
from log_generator.replay import Replay, run_replay

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
LINES = [
    "536365,85123A,WHITE HANGING HEART T-LIGHT HOLDER,6,12/1/2010 8:26,2.55,17850,United Kingdom",
    '536365,22139,"RETRO SPOT, CAFÉ ""TEA"" SET",2,12/1/2010 8:26,4.25,17850,United Kingdom',
    "536370,POST,POSTAGE,3,12/1/2010 8:45,18,12583,France",
    "C536379,22139,RETRO SPOT SET,-1,12/1/2010 9:41,4.25,17850,United Kingdom",
    "536414,22139,,56,12/1/2010 11:52,0,,United Kingdom",
]
FATES = {Fate.SALE: 2, Fate.FEE: 1, Fate.RETURN: 1, Fate.GUEST: 1}
NOW = datetime(2026, 11, 20, 11, tzinfo=UTC)


def order_file(
    folder, lines=tuple(LINES), encoding="utf-8", end="\n", header=True, name="orders.csv"
) -> Path:
    path = folder / name
    text = end.join([HEADER, *lines] if header else lines) + end
    path.write_bytes(text.encode(encoding))
    return path


def replay(path: Path, folder: Path, **more):
    clock = more.pop("clock", NOW.timestamp)
    return run_replay(Replay(folder, **more), survey(path), threading.Event(), clock=clock)


def written(folder: Path) -> list[bytes]:
    return (folder / "orders.log").read_bytes().splitlines(keepends=True)


def test_each_line_is_written_as_it_is_with_its_id(tmp_path):
    path = order_file(tmp_path)
    source = survey(path).digest
    tally = replay(path, tmp_path / "logs")
    assert written(tmp_path / "logs") == [
        f"{line},{source}-{number}\n".encode() for number, line in enumerate(LINES, 1)
    ]
    counted = {name: count for name, count in tally.plain()["fates"].items() if count}
    assert counted == FATES


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_the_same_orders_get_the_same_bytes_in_every_form(tmp_path, encoding, end, header):
    replay(order_file(tmp_path), tmp_path / "plain")
    replay(order_file(tmp_path, LINES, encoding, end, header), tmp_path / "other")
    assert written(tmp_path / "other") == written(tmp_path / "plain")


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress, bz2.compress])
def test_a_compressed_file_is_read_as_it_is(tmp_path, compress):
    path = order_file(tmp_path)
    packed = tmp_path / "orders.packed"
    packed.write_bytes(compress(path.read_bytes()))
    assert survey(packed).digest == survey(path).digest
    assert survey(packed).lines == 5


def test_another_file_is_another_source(tmp_path):
    one = survey(order_file(tmp_path))
    other = survey(order_file(tmp_path, LINES[:4], name="other.csv"))
    assert one.digest != other.digest


def test_shifted_orders_keep_weekday_and_hour_and_get_other_ids(tmp_path):
    """2010-12-01 was a Wednesday; 833 weeks later is the last one that is not ahead."""
    path = order_file(tmp_path)
    tally = replay(path, tmp_path / "logs", shifted=True)
    orders = [parse_line(line) for line in written(tmp_path / "logs")]
    assert orders[0].time == datetime(2026, 11, 18, 8, 26, tzinfo=UTC)
    assert NOW - timedelta(weeks=1) < orders[-1].time <= NOW
    assert tally.source == survey(path).digest + "-833w"
    assert [order.event_id for order in orders] == [f"{tally.source}-{number}" for number in range(1, 6)]
    assert orders[1].description == 'RETRO SPOT, CAFÉ "TEA" SET'


def test_a_shifted_replay_goes_on_with_the_shift_it_began_with(tmp_path):
    path, logs = order_file(tmp_path), tmp_path / "logs"
    replay(path, logs, shifted=True, lines=2)
    replay(path, logs, shifted=True, clock=(NOW + timedelta(weeks=3)).timestamp)
    assert [parse_line(line).time.date().isoformat() for line in written(logs)] == ["2026-11-18"] * 5
    assert len({salvage_event_id(line) for line in written(logs)}) == 5


def test_a_replay_resumes_wherever_it_was_torn(tmp_path):
    """Killed after any byte, the second run completes the very line and goes on."""
    path = order_file(tmp_path)
    replay(path, tmp_path / "whole")
    whole = (tmp_path / "whole" / "orders.log").read_bytes()
    for length in range(0, len(whole) + 1, 7):
        logs = tmp_path / f"torn-{length}"
        replay(path, logs, lines=1)
        (logs / "orders.log").write_bytes(whole[:length])
        register = (logs / "register.json").read_text()
        (logs / "register.json").write_text(register.replace('"settled": 1', '"settled": 0'))
        replay(path, logs)
        assert (logs / "orders.log").read_bytes() == whole


def test_a_finished_replay_writes_nothing_more(tmp_path):
    path, logs = order_file(tmp_path), tmp_path / "logs"
    replay(path, logs)
    before = written(logs)
    assert replay(path, logs).lines == 0
    assert written(logs) == before


def test_a_replay_rotates_as_a_server_does(tmp_path):
    replay(order_file(tmp_path), tmp_path / "logs", rotation=Rotation(hourly=True))
    assert sorted(path.name for path in (tmp_path / "logs").glob("orders.log*")) == [
        "orders.log",
        "orders.log.2010-12-01T08",
        "orders.log.2010-12-01T09",
    ]


def test_a_file_in_any_order_is_replayed_whole_and_its_hours_only_go_on(tmp_path):
    replay(order_file(tmp_path, LINES[::-1] + LINES), tmp_path / "logs", rotation=Rotation(hourly=True))
    logs = list((tmp_path / "logs").glob("orders.log*"))
    assert [path.name for path in logs] == ["orders.log"]
    assert len(written(tmp_path / "logs")) == 10


@pytest.mark.parametrize(
    "wrong",
    [
        "536365,85123A,HEART,6,12/1/2010 8:26,2.55,17850",  # with its id it has eight columns
        "536365,85123A,HEART",
        "536365,85123A,A, COMMA,6,12/1/2010 8:26,2.55,17850,United Kingdom",
        '536365,85123A,"OPEN,6,12/1/2010 8:26,2.55,17850,United Kingdom',
        "536365,85123A,HEART,many,12/1/2010 8:26,2.55,17850,United Kingdom",
        "536365,85123A,HEART,6,yesterday,2.55,17850,United Kingdom",
        ",,,,,,,",
    ],
)
def test_a_wrong_line_stays_wrong_and_keeps_its_number(tmp_path, wrong):
    tally = replay(order_file(tmp_path, [LINES[0], wrong, LINES[2]]), tmp_path / "logs")
    lines = written(tmp_path / "logs")
    assert [salvage_event_id(line) for line in lines] == [f"{tally.source}-{number}" for number in (1, 2, 3)]
    with pytest.raises(RefusedLineError) as refused:
        parse_line(lines[1])
    assert tally.plain()["rejected"] == {refused.value.reason.value: 1}


def test_a_file_that_is_a_log_already_is_refused(tmp_path):
    path = order_file(tmp_path, [LINES[0] + ",till-1"], header=False)
    with pytest.raises(OrderFileError, match="copy it into the log folder"):
        survey(path)


def test_a_file_without_orders_is_refused(tmp_path):
    path = tmp_path / "letter.txt"
    path.write_text("Dear customer,\nhow are you?\n")
    with pytest.raises(OrderFileError, match="holds no order line"):
        survey(path)


def test_a_compressed_file_cut_short_is_refused(tmp_path):
    path = tmp_path / "orders.csv.gz"
    path.write_bytes(gzip.compress(order_file(tmp_path, LINES * 500).read_bytes())[:-20])
    with pytest.raises(OrderFileError, match="cannot be read"):
        survey(path)


def test_a_folder_begun_otherwise_is_refused(tmp_path):
    path, logs = order_file(tmp_path), tmp_path / "logs"
    replay(path, logs, lines=1)
    with pytest.raises(RequestError, match="begun with times kept"):
        replay(path, logs, shifted=True)
    other = order_file(tmp_path, LINES[:4], name="other.csv")
    with pytest.raises(RequestError, match="choose another"):
        replay(other, logs)


def test_a_replay_at_a_rate_takes_its_time(tmp_path):
    now = [NOW.timestamp()]

    def clock() -> float:
        now[0] += 0.05
        return now[0]

    due: list[int] = []
    run_replay(
        Replay(tmp_path / "logs", lines_per_s=10.0),
        survey(order_file(tmp_path)),
        threading.Event(),
        due.append,
        clock,
    )
    assert due == [1, 1, 1, 1, 1]
    assert len(written(tmp_path / "logs")) == 5


def test_the_command_says_what_is_wrong_in_one_line(tmp_path, capsys):
    assert main(["replay", str(tmp_path / "none.csv"), "--out", str(tmp_path / "logs")]) == 1
    error = capsys.readouterr().err
    assert "none.csv" in error
    assert error.count("\n") == 1


ONLINE_RETAIL = os.environ.get("ONLINE_RETAIL", "")


@pytest.mark.skipif(
    not ONLINE_RETAIL,
    reason="set ONLINE_RETAIL to the Online Retail file of the UCI repository, DOI 10.24432/C5BW33, as CSV",
)
def test_the_public_file_is_replayed_whole(tmp_path):
    """541,909 lines: 9,288 C rows, 24.9 % without a customer, none of them refused."""
    tally = replay(Path(ONLINE_RETAIL), tmp_path / "logs", lines=20_000)
    assert survey(Path(ONLINE_RETAIL)).lines == 541_909
    fates = Counter(fate_of(parse_line(line)) for line in written(tmp_path / "logs"))
    assert fates == {name: count for name, count in tally.plain()["fates"].items() if count}
    assert sum(fates.values()) == 20_000
