"""What the publisher writes is what the lookup reads, and a customer's item is one write unit."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import lists
from contracts.catalogue import (
    CatalogueError,
    CatalogueItem,
    format_catalogue,
    pack_codes,
    parse_catalogue,
    unpack_codes,
)
from contracts.lists import Entry, Reason, ReasonKind, Served

CODES = st.from_regex(r"[0-9]{5}[A-Z]?", fullmatch=True)
ENTRIES = st.lists(st.builds(Entry, CODES, CODES.map(lambda code: f"b{code}")), max_size=30).map(tuple)
SERVED = st.builds(
    Served,
    CODES.map(lists.customer_key),
    st.just("20261120T110000Z-1"),
    st.fixed_dictionaries({"for_you": ENTRIES, "discover": ENTRIES}),
)


@given(SERVED)
def test_lists_are_read_back_from_json_and_from_dynamodb(served):
    plain = lists.to_plain(served)
    assert lists.from_plain(json.loads(json.dumps(plain))) == served
    assert lists.from_plain(lists.from_dynamo(lists.to_dynamo(plain))) == served


def dynamo_bytes(value):
    """How DynamoDB counts: a text its bytes, a list 3 bytes and 1 for each entry."""
    return len(value) if isinstance(value, str) else 3 + sum(1 + len(text) for text in value)


def test_a_customers_item_with_both_lists_full_is_one_write_unit():
    full = tuple(Entry(f"{n:05d}A", f"b{n:05d}B") for n in range(lists.STORED_ENTRIES))
    both = {"for_you": full, "discover": full}
    plain = lists.to_plain(Served(lists.customer_key("17850"), "20261120T110000Z-1795173509", both))
    assert sum(len(name) + dynamo_bytes(value) for name, value in plain.items()) <= 1024


@pytest.mark.parametrize("kind", list(ReasonKind))
def test_a_reason_is_read_back_and_has_words(kind):
    reason = Reason(kind, "3" if kind == ReasonKind.AGAIN else "")
    assert Reason.parse(str(reason)) == reason
    assert reason.sentence({})


def test_a_reason_names_what_was_bought():
    assert (
        Reason(ReasonKind.BECAUSE, "10001").sentence({"10001": "Oak board"}) == "because you bought Oak board"
    )
    assert Reason(ReasonKind.BECAUSE, "10001").sentence({}) == "because you bought 10001"


def test_a_removal_is_told_from_an_item():
    assert lists.is_removal(lists.removal("customer#1"))
    assert not lists.is_removal(lists.to_plain(Served("customer#1", "v", {})))


def test_the_catalogue_is_read_back_as_it_was_written():
    items = [CatalogueItem("10001A", 'Plate, "blue"', Decimal("2.50"), for_sale=False)]
    assert list(parse_catalogue(format_catalogue(items))) == items


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "line 1"),
        (b"code,name\n", "line 1"),
        (b"code,name,unit_price,for_sale\n1,a,1.0,perhaps\n", "line 2"),
        (b"code,name,unit_price,for_sale\n1,a,NaN,true\n", "line 2"),
        (b"code,name,unit_price,for_sale\n1a,a,1.0,true\n1A,a,1.0,true\n", "line 3: 1A stands in it twice"),
    ],
)
def test_what_is_no_catalogue_is_refused_with_its_line(raw, message):
    with pytest.raises(CatalogueError, match=message):
        list(parse_catalogue(raw))


@given(st.sets(CODES))
def test_packed_codes_are_read_back(codes):
    assert unpack_codes(pack_codes(codes)) == codes


def test_fifty_thousand_codes_fit_an_item():
    assert len(pack_codes(f"{n:05d}" for n in range(0, 100_000, 2))) < 400_000
