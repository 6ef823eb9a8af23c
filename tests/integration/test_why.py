"""Why an item is in a customer's list, or is not."""

from dataclasses import fields

import pytest

from contracts.catalogue import pack_codes
from contracts.lists import Entry, Served, to_dynamo, to_plain
from infra import clients
from infra.lists import why
from infra.stack import Stack

VERSION = "20261120T110000Z-1"
STORED = [f"1{place:04d}" for place in range(1, 31)]
POPULAR = ["20001"]
ITEMS = [
    to_plain(
        Served(
            "customer#c1",
            VERSION,
            {
                "for_you": tuple(Entry(code, "b20002") for code in STORED),
                "discover": tuple(Entry(code, "p") for code in STORED),
            },
        )
    ),
    to_plain(Served("popular", VERSION, {"popular": tuple(Entry(code, "p") for code in POPULAR)})),
    {"id": "not-for-sale", "codes": pack_codes(["10002", "30000"])},
    *(
        {"id": f"catalogue#{code}", "name": f"Thing {code}"}
        for code in [*STORED, "20001", "20002", "30000", "30001"]
    ),
]


@pytest.fixture
def stack(shop):
    clients.forget()  # the session's AWS, whatever was spoken to before
    for item in ITEMS:
        shop.dynamodb.put_item(TableName=shop.table, Item=to_dynamo(item))
    names = {field.name: "" for field in fields(Stack)}
    yield Stack(**names | {"bucket": shop.bucket, "table": shop.table})
    clients.forget()


@pytest.mark.parametrize(
    ("customer", "name", "code", "told"),
    [
        (
            "c1",
            "for_you",
            "10001",
            "10001 (Thing 10001): shown at 1: because you bought Thing 20002 [c1's for_you]",
        ),
        ("c1", "for_you", "10003", "shown at 2:"),  # what is not for sale before it moves it up
        ("c1", "for_you", "10021", "shown at 20:"),
        ("c1", "for_you", "10022", "a spare, at 21:"),
        (
            "c1",
            "for_you",
            "10002",
            "not for sale, says the catalogue: it is not shown to anybody. It stands at 2",
        ),
        ("c1", "for_you", "30000", "not for sale, says the catalogue: it is not shown to anybody. [c1's"),
        ("c1", "for_you", "20002", "not ranked: 30 others were thought likelier"),
        (
            "c1",
            "discover",
            "20002",
            "bought before, on 2026-11-19: discover holds only what was never bought",
        ),
        ("c1", "discover", "30001", "not ranked: 30 others"),
        ("c1", "for_you", "gift", "GIFT: the catalogue does not know this code"),
        (
            "new",
            "for_you",
            "20001",
            "shown at 1: popular now [new has no for_you of their own; what is popular]",
        ),
    ],
)
def test_it_is_said_why_an_item_is_shown_or_not(stack, customer, name, code, told):
    def bought(customer, code):
        return "2026-11-19" if (customer, code) == ("c1", "20002") else ""

    assert told in why.explain(stack, customer, name, code, bought)
