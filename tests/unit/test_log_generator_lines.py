"""The bytes of the log: as the contract writes them, counted as the contract reads them."""

import dataclasses
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.order_line import (
    Fate,
    OrderLine,
    Reason,
    RefusedLineError,
    fate_of,
    format_line,
    parse_line,
    salvage_event_id,
)
from log_generator.customers import GUEST
from log_generator.dirt import STAINS, Dirt
from log_generator.line_format import LineFormat
from log_generator.log_lines import OUTCOMES, LogLines, number_of
from log_generator.orders import Orders
from log_generator.shop import completed

EPOCH_2026_11_20 = 1_795_132_800
ANY_TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=30)


def one_order(customers=(0, GUEST), returned=(False, True), items=(0, 1, 0), quantities=(3, 1, -2)):
    """Two invoices: the first with two lines, the second with one."""
    return Orders(
        times=np.array([EPOCH_2026_11_20, EPOCH_2026_11_20 + 5]),
        customers=np.array(customers, np.int64),
        countries=np.array([0, 0], np.int32),
        bulk=np.array([False, True]),
        returned=np.array(returned),
        invoice_of=np.array([0, 0, 1]),
        items=np.array(items, np.int32),
        quantities=np.array(quantities, np.int32),
    )


def a_format(name="Oak Board, Large", fee_name="POSTAGE", customer="12346", country="United Kingdom"):
    goods = [("85123A", name, Decimal("2.55")), ("POST", fee_name, Decimal("18.00"))]
    return LineFormat(goods, 1, [customer], [country], "till-1", first_invoice=500_000)


def written(lines: LogLines) -> list[bytes]:
    return bytes(lines.data()).splitlines(keepends=True)


def test_lines_look_as_in_a_real_log():
    """Quoted where a name holds a comma, C for a credit note, bulk prices for goods, none for fees."""
    assert written(a_format().lines(one_order(), 17)) == [
        b'500017,85123A,"Oak Board, Large",3,2026-11-20T00:00:00Z,2.55,12346,United Kingdom,till-1-17\n',
        b"500017,POST,POSTAGE,1,2026-11-20T00:00:00Z,18.00,12346,United Kingdom,till-1-18\n",
        b'C500019,85123A,"Oak Board, Large",-2,2026-11-20T00:00:05Z,2.17,,United Kingdom,till-1-19\n',
    ]


@settings(max_examples=200)
@given(name=ANY_TEXT, fee_name=ANY_TEXT, customer=ANY_TEXT, country=ANY_TEXT)
def test_lines_are_byte_for_byte_what_the_contract_writes(name, fee_name, customer, country):
    """Whatever stands in a text: commas, quotes, any script."""
    time = datetime(2026, 11, 20, tzinfo=UTC)
    expected = [
        OrderLine("500001", "85123A", name, 3, time, Decimal("2.55"), customer, country, "till-1-1"),
        OrderLine("500001", "POST", fee_name, 1, time, Decimal("18.00"), customer, country, "till-1-2"),
    ]
    lines = a_format(name, fee_name, customer, country).lines(one_order(), 1)
    assert bytes(lines.part(0, 2).data()) == b"".join(map(format_line, expected))


def test_a_bulk_buyer_pays_less_for_goods_and_the_same_for_postage():
    orders = dataclasses.replace(one_order(), bulk=np.array([True, False]))
    prices = [str(parse_line(line).unit_price) for line in written(a_format().lines(orders, 1))]
    assert prices == ["2.17", "18.00", "2.55"]


def test_a_part_has_the_bytes_of_its_lines_alone():
    lines = a_format().lines(one_order(), 1)
    whole = written(lines)
    part = lines.part(1, 3)
    assert bytes(part.data()) == b"".join(whole[1:3])
    assert part.ends().tolist() == [len(whole[1]), len(whole[1]) + len(whole[2])]


def outcome_of(raw: bytes) -> Fate | Reason:
    try:
        return fate_of(parse_line(raw))
    except RefusedLineError as error:
        return error.reason


@pytest.mark.parametrize("stain", STAINS, ids=lambda stain: stain.spoil.__qualname__)
@pytest.mark.parametrize("name", ["Oak Board", "Oak Board, Large", 'Frame 6" x 8"', '"Home", framed'])
def test_a_stained_line_is_refused_for_the_stains_own_reason_and_keeps_its_id(stain, name):
    """Or, where the stain leaves an order line, is accepted."""
    (clean, _, _) = written(a_format(name).lines(one_order(), 1))
    line = stain.spoil(clean)
    expected = stain.reason or (Fate.GUEST if stain.loses_customer else Fate.SALE)
    assert outcome_of(line) == expected
    assert salvage_event_id(line) == "till-1-1"
    assert line.count(b"\n") == 1


def test_lines_that_are_shown_twice_stay_whole():
    """However dirty the log: a doubled broken line would be neither a duplicate nor an order."""
    rng = np.random.default_rng(1)
    dirt = Dirt(30.0)
    shown = dirt.doubling(rng, 3_000)
    lines = a_format().lines(one_order(), 1)
    many = LogLines(
        pa.array([lines.texts[0].as_py()] * (int(shown[-1]) + 1), pa.large_binary()),
        np.arange(1, int(shown[-1]) + 2),
        np.full(int(shown[-1]) + 1, EPOCH_2026_11_20),
        np.full(int(shown[-1]) + 1, number_of(Fate.SALE), np.int8),
    )
    soiled = dirt.soil(rng, many, shown)
    twice = np.flatnonzero(soiled.outcomes == number_of(Fate.DUPLICATE))
    assert len(soiled) == 3_000
    assert len(twice) > 100
    texts = soiled.texts.to_pylist()
    assert all(texts[place] == texts[place - 1] == lines.texts[0].as_py() for place in twice)


def test_a_clean_log_has_no_dirt():
    rng = np.random.default_rng(1)
    lines = a_format().lines(one_order(), 1)
    clean = Dirt(0.0).soil(rng, lines, Dirt(0.0).doubling(rng, 3))
    assert bytes(clean.data()) == bytes(lines.data())
    assert clean.outcomes.tolist() == lines.outcomes.tolist()


def test_a_torn_line_is_completed_so_that_nobody_takes_it_for_an_order():
    """Wherever it was torn, inside a quoted text or a letter of two bytes included."""
    line = 'C500019,85123A,"Café Board, ""Rosa""",-2,2026-11-20T00:00:05Z,2.55,,United Kingdom,till-1-19\n'
    whole = line.encode()
    outcomes = Counter()
    for length in range(1, len(whole)):
        end = completed(whole[:length], "till-1", 19, EPOCH_2026_11_20)
        line = whole[:length] + bytes(end.data())
        assert outcome_of(line) == OUTCOMES[end.outcomes[0]]
        assert salvage_event_id(line) == "till-1-19"
        outcomes[outcome_of(line)] += 1
    assert outcomes == {Reason.COLUMNS: len(whole) - 2, Reason.NOT_UTF8: 1}
