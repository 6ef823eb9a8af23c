"""Rows of landed lines: whatever an object holds, they say what the contract says of each line by itself."""

import gzip
import hashlib
import sys
import zlib
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from subprocess import run
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from contracts.order_line import (
    FIELDS,
    MAX_LINE_BYTES,
    RefusedLineError,
    fate_of,
    parse_line,
    refuse_future,
    salvage_event_id,
)
from emr_jobs.lake import plain_lines
from emr_jobs.lake.objects import RawObject, blocks
from emr_jobs.lake.order_rows import BATCH_LINES, LANDED, landed_rows
from tests.order_lines import ENCODINGS, GOOD, ODD, ended, written

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Berlin")
FOUND = RawObject("orders/year=2026/month=11/day=20/hour=12/a.gz", "etag", 1, NOW - timedelta(hours=1), NOW)


def rows(content, piece=1 << 20):
    pieces = [content[start : start + piece] for start in range(0, len(content), piece)]
    return [row for batch in landed_rows(FOUND, blocks(pieces), ZONE) for row in batch.to_pylist()]


def rows_by_contract(content):
    """One line at a time, each by the contract alone."""
    seen = Counter()
    numbered = enumerate(content.split(b"\n"), 1)
    return [contract_row(number, raw, seen) for number, raw in numbered if raw.strip()]


def contract_row(number, raw, seen):
    row = dict.fromkeys(LANDED.names) | {"object": FOUND.key, "line": number, "arrived": FOUND.arrived}
    try:
        order = parse_line(raw, shop_zone=ZONE)
        refuse_future(order, NOW)
    except RefusedLineError as error:
        refusal = {"fate": "rejected", "reason": error.reason.value, "detail": str(error), "raw": raw}
        return row | refusal | {"event_id": salvage_event_id(raw)}
    row |= {name: getattr(order, name) for name in FIELDS} | {"fate": fate_of(order).value}
    if not order.event_id:
        digest = hashlib.sha256(raw.rstrip(b"\r")).hexdigest()[:32]
        seen[digest] += 1
        row["event_id"] = f"content:{digest}:{seen[digest]}"
    return row


def plainly_good(content):
    lines = pa.array([raw + b"\n" for raw in content.split(b"\n")], pa.binary())
    return plain_lines.read(lines, NOW)[0].tolist()


@given(
    st.lists(ended, max_size=12).map(b"".join),
    st.sampled_from([b"", GOOD, b'"', b"\xff"]),
    st.integers(1, 400),
)
@settings(max_examples=600, deadline=None)
@example(b"K\xe4se\n" + GOOD + b"\n", b"", 400)
def test_the_rows_are_those_the_contract_gives_line_by_line(content, end, piece):
    assume(not content.startswith(b"\x1f\x8b"))  # that would be gzip
    assert rows(content + end, piece) == rows_by_contract(content + end)


def test_each_odd_value_by_itself_is_read_as_the_contract_reads_it():
    columns = GOOD.decode().split(",")
    content = b"\n".join(
        ",".join([*columns[:place], value, *columns[place + 1 :]]).encode(encoding, "replace")
        for place, values in enumerate(ODD)
        for value in values
        for encoding in ENCODINGS
    )
    assert rows(content) == rows_by_contract(content)


@given(written)
@settings(max_examples=300, deadline=None)
def test_a_line_that_is_plainly_good_is_never_refused(raw):
    (plain,) = plainly_good(raw)
    (row,) = rows_by_contract(raw)
    assert not plain or row["reason"] is None


@pytest.mark.parametrize(
    "changed",
    [
        (b"WHITE HANGING HEART", b'"HEART, ""WHITE"""'),
        (b"WHITE HANGING HEART", "K\u00e4se \u65e5\u672c".encode()),
        (b"WHITE HANGING HEART", b""),
        (b"536365", b"C536365"),
        (b"85123A", b"BANK CHARGES"),
        (b",6,", b",-12,"),
        (b"17850", b""),
        (b"2.55", b"0"),
        (b"08:26:00Z", b"12:10:00Z"),
        (b"shop-1", b"till-ce65d1f2-29998\r"),
    ],
)
def test_everyday_lines_are_plainly_good_and_skip_the_slow_way(changed):
    raw = GOOD.replace(*changed)
    assert plainly_good(raw) == [True]
    assert rows(raw) == rows_by_contract(raw)


@pytest.mark.parametrize("space", [char for char in map(chr, range(sys.maxunicode)) if char.isspace()])
def test_text_that_the_contract_trims_is_not_plain(space):
    at_ends = [f"{space}x", f"x{space}", space, f'"{space}x"', f'"x{space}"', f'"{space}"']
    content = "\n".join(GOOD.decode().replace("WHITE HANGING HEART", text) for text in at_ends).encode()
    assert rows(content) == rows_by_contract(content)
    if space != "\n":
        assert not any(plainly_good(content))


def test_one_line_that_is_no_utf8_leaves_the_others_plain():
    french = GOOD.replace(b"WHITE", "caf\u00e9".encode())
    assert plainly_good(b"\n".join([french, GOOD.replace(b"WHITE", b"caf\xe9"), french])) == [
        True,
        False,
        True,
    ]


def test_an_open_quote_ends_with_its_line():
    content = b"\n".join([GOOD, GOOD.replace(b"WHITE", b'"WHITE'), GOOD, b""])
    assert [(row["line"], row["reason"]) for row in rows(content)] == [(1, None), (2, "columns"), (3, None)]


def test_blank_lines_count_and_give_no_row():
    content = b"\n\r\n" + GOOD + b"\n  \n" + GOOD
    assert [row["line"] for row in rows(content, piece=7)] == [3, 5]


def test_the_good_lines_say_what_was_written():
    (row,) = rows(GOOD + b"\r\n")
    assert row == {
        "invoice": "536365",
        "stock_code": "85123A",
        "description": "WHITE HANGING HEART",
        "quantity": 6,
        "time": datetime(2026, 11, 20, 8, 26, tzinfo=UTC),
        "unit_price": Decimal("2.55"),
        "customer": "17850",
        "country": "United Kingdom",
        "event_id": "shop-1",
        "fate": "sale",
        "object": FOUND.key,
        "line": 1,
        "reason": None,
        "detail": None,
        "raw": None,
        "arrived": FOUND.arrived,
    }


def test_public_lines_in_latin_1_with_their_header_are_read():
    content = (
        b"InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\r\n"
        + b'536365,22423,"CAF\xc9, SET",6,12/1/2010 8:26,2.55,,France\r\n' * 2
    )
    found = rows(content)
    assert [(row["reason"], row["description"], row["fate"]) for row in found] == [
        ("header", None, "rejected"),
        (None, "CAF\u00c9, SET", "guest"),
        (None, "CAF\u00c9, SET", "guest"),
    ]
    assert found[1]["event_id"][:-2] == found[2]["event_id"][:-2]
    assert [row["event_id"][-2:] for row in found[1:]] == [":1", ":2"]
    assert found == rows_by_contract(content)


@pytest.mark.parametrize("piece", [1 << 20, 40_000_000])
def test_an_endless_line_is_one_reject_with_its_event_id(piece):
    endless = GOOD.replace(b"HEART", b"X" * 10_000_000)
    found = rows(b"\n".join([GOOD, endless, GOOD]), piece)
    assert [row["reason"] for row in found] == [None, "too_long", None]
    assert (found[1]["event_id"], len(found[1]["raw"]) < 2 * MAX_LINE_BYTES) == ("shop-1", True)


def test_the_longest_line_allowed_is_read_and_one_byte_more_is_not():
    longest = GOOD.replace(b"HEART", b"X" * (MAX_LINE_BYTES - len(GOOD) + 5))
    assert len(longest) == MAX_LINE_BYTES
    content = b"\n".join([longest, longest.replace(b"X", b"XX", 1)])
    assert [row["reason"] for row in rows(content)] == [None, "too_long"]


def test_a_batch_holds_no_more_lines_than_it_should():
    pieces = [(GOOD + b"\n") * (BATCH_LINES + 1), b"x\n" * (2 * BATCH_LINES)]
    sizes = [batch.num_rows for batch in landed_rows(FOUND, blocks(pieces), ZONE)]
    assert max(sizes) == BATCH_LINES
    assert sum(sizes) == 3 * BATCH_LINES + 1


def test_a_compressed_object_cut_short_gives_its_whole_lines_and_one_reject():
    packed = gzip.compress(b"".join(GOOD + b"%d\n" % (number * 7919) for number in range(3000)))
    found = rows(packed[: len(packed) // 2], piece=1000)
    assert {row["reason"] for row in found[:-1]} == {None}
    assert found[-1]["reason"] == "cut_short"
    assert [row["line"] for row in found] == list(range(1, len(found) + 1))
    assert len(found) > 100


def test_an_empty_object_has_no_rows():
    assert rows(b"") == rows(gzip.compress(b"")) == []


def test_the_simulated_shops_dirty_log_is_read_as_the_contract_reads_it(tmp_path):
    command = [
        "-m",
        "log_generator",
        "shop",
        "--lines",
        "20000",
        "--dirt",
        "3",
        "--end",
        "2026-11-20T11:00:00Z",
    ]
    run([sys.executable, *command, "--out", tmp_path], check=True, capture_output=True)
    content = (tmp_path / "orders.log").read_bytes()
    found = rows(content)
    assert found == rows_by_contract(content)
    assert len(found) == 20_000
    assert {row["reason"] for row in found} > {None, "columns", "not_utf8", "quantity", "time"}
    assert sum(plainly_good(content)) > 18_500


def test_a_line_cut_short_claims_no_id_that_a_whole_line_may_have():
    """`shop-12|34` cut at the bar looks like shop-12, which is another order."""
    good = b"500001,10001,Lamp,2,2026-11-20T11:00:00Z,2.50,c1,France,shop-1\n"
    cut = b"500001,10001,Lamp,2,2026-11-20T11:00:00Z,2.50,c1,France,shop-12"
    packed = zlib.compressobj(wbits=31)
    whole, refused = rows(packed.compress(good + cut) + packed.flush(zlib.Z_SYNC_FLUSH))
    assert whole["event_id"] == "shop-1"
    assert (refused["reason"], refused["event_id"], refused["raw"]) == ("cut_short", "", cut)
