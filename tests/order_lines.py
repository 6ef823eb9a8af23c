"""Order lines as hypothesis draws them: good ones, odd ones, and what is no order line at all."""

from datetime import UTC, datetime

from hypothesis import strategies as st

from contracts.order_line import OrderLine, format_line

GOOD = b"536365,85123A,WHITE HANGING HEART,6,2026-11-20T08:26:00Z,2.55,17850,United Kingdom,shop-1"

names = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=12)
written = st.builds(
    OrderLine,
    invoice=st.from_regex(r"[AC]?[0-9]{1,6}", fullmatch=True),
    stock_code=st.sampled_from(["85123A", "22423", "POST", "BANK CHARGES", "DCGS0003", "85123a", "M"]),
    description=names,
    quantity=st.integers(-(10**9), 10**9),
    time=st.datetimes(datetime(1900, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 (hypothesis adds the zone)
    unit_price=st.decimals(-(10**10), 10**10, places=2),
    customer=st.sampled_from(["", "17850", "c.1@shop", "no customer"]),
    country=names,
    event_id=st.from_regex(r"[a-z0-9.-]{1,8}-[0-9]{1,4}", fullmatch=True),
).map(lambda order: format_line(order).rstrip(b"\n"))

# What has been seen in each column, or might be.
ODD = [
    ["C536365", "", " 1", "c1", "Invoice", "INVOICENO", "-", "\u0663", '"536365"'],
    ["POST", "85123a", "22423 ", "", "DCGS0003", "gift_0001_20", "M", "BANK CHARGES"],
    [
        *(
            '"LAMP, BIG"',
            '"6"" PLATE"',
            '6" PLATE',
            '"',
            '""',
            '"a"b',
            '"a\r\r"',
            " x ",
            '" x"',
            '""""',
            '","',
        ),
        *("a\0b", "K\u00e4se", "\u3000x", "x\x85", "\x1cx", "\xa0", '"\xa0x"', "a\rb", "a\u2028b"),
    ],
    ["-1", "0", "-0", "+6", "06", "999999999", "1000000000", "2147483648", "many", "1.0", "", "\u0663"],
    [
        *("2026-11-20T12:10:00Z", "2026-11-20T12:10:01Z", "2026-02-29T00:00:00Z", "2024-02-29T23:59:59Z"),
        *("2026-04-31T00:00:00Z", "2026-11-20T24:00:00Z", "2026-11-20T08:26:60Z", "2026-11-20 08:26:00Z"),
        *("2026-11-20T08:26:00", "12/1/2010 8:26", "2026-03-29T02:30:00", "0000-01-01T00:00:00Z", "", "now"),
    ],
    [
        *("-11062.06", "0", "1e3", "9999999999.9999", "10000000000", "1.23456"),
        *(".5", "5.", "+1", "00.10", "-0.00", "nan", ""),
    ],
    ["", " ", "17850 ", "no one", "a" * 64, "a" * 65, "c-1@shop.example", "NULL"],
    ['"Korea, South"', "", " France", "nan", "NULL", "France\r", "\u00d6sterreich", "\xff"],
    ["shop-0", "shop", "a-b-c-12", '"shop-1"', " shop-1", "s" * 100 + "-1", "s" * 101 + "-1", "x-9" * 30],
]
ENCODINGS = ("utf-8", "latin-1")


@st.composite
def altered(draw):
    """The good line with up to three columns odd, one too many, or too few."""
    values = GOOD.decode().split(",")
    for place in draw(st.lists(st.integers(0, 8), max_size=3)):
        values[place] = draw(st.sampled_from(ODD[place]))
    values = values[: draw(st.sampled_from([9, 9, 9, 9, 8, 7]))] + draw(st.sampled_from([[], [], [], [""]]))
    return ",".join(values).encode(draw(st.sampled_from(ENCODINGS)), "replace")


noise = st.binary(max_size=40)
blank = st.sampled_from([b"", b" ", b"\r", b"\t\x0b\x0c"])
any_line = st.one_of(written, altered(), altered(), noise, blank)
ended = st.tuples(any_line, st.sampled_from([b"\n", b"\n", b"\n", b"\r\n"])).map(b"".join)
