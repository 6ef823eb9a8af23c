"""The order line is read as it was written, and everything else is refused with a reason."""

import contextlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.order_line import (
    FIELDS,
    PRODUCT_CODE,
    Fate,
    OrderLine,
    Reason,
    RefusedLineError,
    fate_of,
    format_line,
    parse_line,
    refuse_future,
    salvage_event_id,
    split_event_id,
)

TEXT = st.text(st.characters(exclude_characters="\0\r\n", exclude_categories=("Cs",)), max_size=40).map(
    str.strip
)
LINES = st.builds(
    OrderLine,
    invoice=st.from_regex(r"C?[0-9]{6}", fullmatch=True),
    stock_code=st.from_regex(r"[0-9]{5}[A-Z]?", fullmatch=True),
    description=TEXT,
    quantity=st.integers(-80_995, 80_995).filter(bool),
    time=st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1)).map(  # noqa: DTZ001 (the zone follows)
        lambda time: time.replace(microsecond=0, tzinfo=UTC)
    ),
    unit_price=st.decimals(-99_999, 99_999, places=2),
    customer=st.from_regex(r"[0-9]{5}|", fullmatch=True),
    country=TEXT,
    event_id=st.from_regex(r"shop-[a-z]{1,5}-[1-9][0-9]{0,9}", fullmatch=True),
)

GOOD = b"536365,85123a,HEART HOLDER,6,2010-12-01T08:26:00Z,2.55,17850,United Kingdom,shop-1-7"


@given(LINES)
def test_a_written_line_is_read_as_it_was(line):
    assert parse_line(format_line(line)) == line


@given(st.binary(max_size=200))
def test_any_bytes_are_either_a_line_or_refused(raw):
    with contextlib.suppress(RefusedLineError):
        assert isinstance(parse_line(raw), OrderLine)


@given(LINES)
def test_the_event_id_of_a_written_line_can_be_salvaged(line):
    assert salvage_event_id(format_line(line)) == line.event_id


def test_a_line_says_what_its_fields_say():
    assert parse_line(GOOD) == OrderLine(
        invoice="536365",
        stock_code="85123A",
        description="HEART HOLDER",
        quantity=6,
        time=datetime(2010, 12, 1, 8, 26, tzinfo=UTC),
        unit_price=Decimal("2.55"),
        customer="17850",
        country="United Kingdom",
        event_id="shop-1-7",
    )


def test_the_public_files_lines_have_no_id_and_its_own_times():
    line = parse_line(b'536370,22728,"ALARM, BLUE",24,12/1/2010 8:45,3.75,12583,France\r\n')
    assert line.event_id == ""
    assert line.description == "ALARM, BLUE"
    assert line.time == datetime(2010, 12, 1, 8, 45, tzinfo=UTC)


def test_the_public_files_latin_1_is_read():
    assert parse_line("1,22728,CAFÉ,1,12/1/2010 8:45,1,1,X".encode("latin-1")).description == "CAFÉ"


def test_a_time_without_a_zone_is_the_shops():
    line = parse_line(GOOD.replace(b"00Z", b"00"), shop_zone=ZoneInfo("Europe/London"))
    assert line.time == datetime(2010, 12, 1, 8, 26, tzinfo=UTC)
    summer = GOOD.replace(b"2010-12-01T08:26:00Z", b"2010-07-01T08:26:00")
    assert parse_line(summer, shop_zone=ZoneInfo("Europe/London")).time == datetime(
        2010, 7, 1, 7, 26, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"a,b,c", Reason.COLUMNS),
        (GOOD + b",more", Reason.COLUMNS),
        (b'536365,"85123', Reason.COLUMNS),
        (b"InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country", Reason.HEADER),
        (",".join(FIELDS).encode(), Reason.HEADER),
        (GOOD.replace(b"536365", b" "), Reason.INVOICE),
        (GOOD.replace(b"85123a", b""), Reason.STOCK_CODE),
        (GOOD.replace(b",6,", b",six,"), Reason.QUANTITY),
        (GOOD.replace(b",6,", b",0,"), Reason.QUANTITY),
        (GOOD.replace(b",6,", b",6.5,"), Reason.QUANTITY),
        (GOOD.replace(b"2010-12-01T08:26:00Z", b"yesterday"), Reason.TIME),
        (GOOD.replace(b"2010-12-01T08:26:00Z", b"13/32/2010 8:26"), Reason.TIME),
        (GOOD.replace(b"2.55", b"NaN"), Reason.UNIT_PRICE),
        (GOOD.replace(b"2.55", b"1e5"), Reason.UNIT_PRICE),
        (GOOD.replace(b"17850", b"a b"), Reason.CUSTOMER),
        (GOOD.replace(b"shop-1-7", b"shop"), Reason.EVENT_ID),
        (GOOD.replace(b"shop-1-7", b"shop-0"), Reason.EVENT_ID),
        (GOOD.replace(b"HEART", b"\xff\xfe"), Reason.NOT_UTF8),
        (b"x" * 70_000, Reason.TOO_LONG),
    ],
)
def test_what_is_no_order_line_is_refused_with_its_reason(raw, reason):
    with pytest.raises(RefusedLineError) as refused:
        parse_line(raw)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("old", "new", "fate"),
    [
        (b"", b"", Fate.SALE),
        (b"17850", b"", Fate.GUEST),
        (b",6,", b",-6,", Fate.RETURN),
        (b"536365", b"c536365", Fate.RETURN),
        (b"85123a", b"POST", Fate.FEE),
        (b"85123a", b"dcgs0003", Fate.SALE),
    ],
)
def test_a_line_has_the_fate_its_fields_tell(old, new, fate):
    assert fate_of(parse_line(GOOD.replace(old, new))) == fate


@pytest.mark.parametrize("code", ["POST", "M", "C2", "BANK CHARGES", "GIFT_0001_20", "1234", "A12345"])
def test_what_is_not_a_product_is_a_fee(code):
    assert not PRODUCT_CODE.fullmatch(code)


def test_an_order_more_than_ten_minutes_after_its_arrival_is_refused():
    line = parse_line(GOOD)
    refuse_future(line, line.time - timedelta(minutes=10))
    with pytest.raises(RefusedLineError, match="future"):
        refuse_future(line, line.time - timedelta(minutes=10, seconds=1))


def test_a_source_may_hold_dashes():
    assert split_event_id("till-2-17") == ("till-2", 17)
    assert split_event_id("till") is None
