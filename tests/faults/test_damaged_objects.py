"""Damaged raw objects: what can be read is stored, the rest is rejected with its bytes.

One run reads them all, so none of them may spoil another.
"""

import gzip
import random
import zlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from contracts.order_line import Fate
from emr_jobs import ingest
from tests.conftest import make_place
from tests.faults.ingest_runs import Runs, Till, new_till, stored

MIB = 1 << 20
NOW = datetime.now(UTC).replace(microsecond=0)
NOISE = random.Random(20261121).randbytes(20_000)
HEADER = b"invoice,stock_code,description,quantity,time,unit_price,customer,country,event_id\n"
PUBLIC_HEADER = b"InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\r\n"


def many(till):
    """Lines that do not compress to nothing."""
    return b"".join(
        till.line(text=random.Random(number).randbytes(9).hex().encode()) for number in range(3000)
    )


def cut_short(till):
    packed = gzip.compress(many(till))
    return packed[: len(packed) // 2]


def damaged(till):
    packed = gzip.compress(many(till))
    middle = len(packed) // 2
    return packed[:middle] + bytes(64) + packed[middle + 64 :]


def endless_line(till):
    return till.line() + till.line(text=b"x" * 10 * MIB) + till.line()


def header_in_the_middle(till):
    return till.line() + HEADER + till.line() + PUBLIC_HEADER + till.line()


def mixed(till):
    """Own lines and the public file's, in UTF-8 and in latin-1."""
    public = "536365,85123A,CAFÉ {},6,12/1/2010 8:26,2.55,17850,France\r\n".format
    own = till.line(text="Café".encode())
    own_latin_1 = till.line(text="Café".encode("latin-1"))
    return own + own_latin_1 + public("latin-1").encode("latin-1") + public("utf-8").encode() + till.line()


def at(till, *times):
    return b"".join(till.line().replace(b"2026-01-05T10:00:00Z", time.encode()) for time in times)


def to_come(till):
    return at(
        till,
        f"{NOW + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}",
        f"{NOW:%Y-%m-%dT%H:%M:%SZ}",
        "9999-12-31T23:59:59Z",
    )


def odd_zones(till):
    return at(
        till,
        "2026-07-05T10:00:00 Mars/Olympus",
        "2026-07-05T10:00:00+99:00",
        "2026-07-05T10:00:00",  # the shop's own time
        "2026-07-05T10:00:00+05:30",
        "2026-01-05T10:00:00",
    )


OBJECTS = {
    "cut short": cut_short,
    "damaged": damaged,
    "empty": lambda _: b"",
    "noise": lambda _: NOISE,
    "noise that begins like gzip": lambda _: b"\x1f\x8b" + NOISE,
    "endless line": endless_line,
    "endless line, packed": lambda till: gzip.compress(endless_line(till)),
    "header in the middle": header_in_the_middle,
    "mixed": mixed,
    "to come": to_come,
    "odd zones": odd_zones,
}


@dataclass
class Read:
    """What the tables know of one object."""

    till: Till
    content: bytes
    orders: list
    rejects: list
    account: dict

    @property
    def reasons(self):
        return [(row["line"], row["reason"]) for row in self.rejects]


@pytest.fixture(scope="module")
def read(local_aws, tmp_path_factory):
    till = new_till(local_aws.lake_bucket)
    tills, contents, keys = {}, {}, {}
    for name, content in OBJECTS.items():
        tills[name] = replace(till, source=f"{till.source}-{len(keys)}")
        contents[name] = content(tills[name])
        keys[name] = till.put_bytes(contents[name])
    runs = Runs(till, make_place(), tmp_path_factory.mktemp("runs"))
    try:
        runs.run(local_aws.endpoint, "--shop-zone", "Europe/London")
    finally:
        runs.end()
    orders, rejects, accounts = (stored(till, table, "*") for table in ("orders", "rejects", "ledger"))

    def of(rows, key):
        return sorted((row for row in rows if row["object"] == key), key=lambda row: row.get("line"))

    return {
        name: Read(tills[name], contents[name], of(orders, key), of(rejects, key), *of(accounts, key))
        for name, key in keys.items()
    }


@pytest.mark.parametrize("name", OBJECTS)
def test_each_object_is_accounted_for_and_what_is_stored_is_what_is_counted(read, name):
    found = read[name]
    fates = {fate: found.account[fate] for fate in Fate}
    assert found.account["landed"] == sum(fates.values())
    assert len(found.orders) == sum(fates[fate] for fate in (Fate.SALE, Fate.RETURN, Fate.FEE, Fate.GUEST))
    assert len(found.rejects) == fates[Fate.REJECTED]


def test_of_a_compressed_object_cut_short_the_whole_lines_are_stored_and_the_last_is_rejected(read):
    found = read["cut short"]
    text = zlib.decompressobj(31).decompress(found.content)
    whole = text.count(b"\n")
    assert 0 < whole < found.till.last
    assert [row["line"] for row in found.orders] == list(range(1, whole + 1))
    assert [row["event_id"] for row in found.orders] == [
        f"{found.till.source}-{n}" for n in range(1, whole + 1)
    ]
    assert found.reasons == [(whole + 1, "cut_short")]
    assert found.rejects[0]["raw"] == text.rpartition(b"\n")[2]


def test_of_a_damaged_one_all_lines_before_the_damage_are_stored_and_the_damage_is_told(read):
    """Behind the damage, what still reads as a line is taken: only the checksum at the end knows of it."""
    found = read["damaged"]
    before = zlib.decompressobj(31).decompress(found.content[: len(found.content) // 2]).count(b"\n")
    numbered = [row["event_id"].rpartition("-") for row in found.orders[:before]]
    assert [int(number) for _, _, number in numbered] == list(range(1, before + 1))
    assert len({row["event_id"] for row in found.orders}) == len(found.orders) <= found.till.last
    assert found.reasons[-1][1] == "cut_short"


def test_an_empty_object_is_done_and_holds_nothing(read):
    assert (read["empty"].account["landed"], read["empty"].account["sources"]) == (0, [])


@pytest.mark.parametrize("name", ["noise", "noise that begins like gzip"])
def test_what_is_no_text_is_rejected_byte_by_byte(read, name):
    assert not read[name].orders
    assert read[name].account["landed"] > 0
    if name == "noise":
        lines = [line for line in NOISE.split(b"\n") if line.strip()]
        assert [row["raw"] for row in read[name].rejects] == lines


@pytest.mark.parametrize("name", ["endless line", "endless line, packed"])
def test_a_line_of_ten_megabytes_is_one_reject_that_keeps_its_id_and_little_else(read, name):
    found = read[name]
    assert [row["line"] for row in found.orders] == [1, 3]
    assert found.reasons == [(2, "too_long")]
    (reject,) = found.rejects
    assert reject["event_id"] == f"{found.till.source}-2"
    assert reject["raw"].startswith(b"500001,10001,xxxx")
    assert len(reject["raw"]) < MIB


def test_a_header_in_the_middle_is_rejected_as_one(read):
    assert [row["line"] for row in read["header in the middle"].orders] == [1, 3, 5]
    assert read["header in the middle"].reasons == [(2, "header"), (4, "header")]


def test_each_line_is_read_in_its_own_encoding_and_own_lines_are_utf_8(read):
    found = read["mixed"]
    assert [(row["line"], row["description"]) for row in found.orders] == [
        (1, "Café"),
        (3, "CAFÉ latin-1"),
        (4, "CAFÉ utf-8"),
        (5, "Lamp"),
    ]
    assert found.reasons == [(2, "not_utf8")]
    assert found.rejects[0]["event_id"] == f"{found.till.source}-2"


def test_orders_of_tomorrow_are_rejected_those_of_now_are_not(read):
    assert [row["line"] for row in read["to come"].orders] == [2]
    assert read["to come"].reasons == [(1, "future"), (3, "future")]


def test_a_time_in_a_zone_nobody_knows_is_rejected_and_one_without_a_zone_is_the_shops(read):
    found = read["odd zones"]
    assert found.reasons == [(1, "time"), (2, "time")]
    assert [(row["line"], row["time"].astimezone(UTC)) for row in found.orders] == [
        (3, datetime(2026, 7, 5, 9, tzinfo=UTC)),
        (4, datetime(2026, 7, 5, 4, 30, tzinfo=UTC)),
        (5, datetime(2026, 1, 5, 10, tzinfo=UTC)),
    ]


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "Europe", ""])
def test_an_unknown_zone_of_the_shop_is_refused_before_anything_is_done(zone, capsys):
    required = ["--bucket", "b", "--table", "t", "--run", "1"]
    with pytest.raises(SystemExit) as ended:
        ingest.main([*required, "--shop-zone", zone])
    assert ended.value.code == 2
    assert "--shop-zone" in capsys.readouterr().err
