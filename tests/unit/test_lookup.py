"""What the lookup answers."""

import json
from http import HTTPStatus

import pytest

from contracts.catalogue import pack_codes
from contracts.lists import to_dynamo
from lookup import handler
from lookup.request import Request
from lookup.shelf import FRESH_S, Shelf
from tests.lookup_table import LIVE, VERSION, LookupTable


@pytest.fixture
def table():
    return LookupTable()


@pytest.fixture
def shelf(table):
    return Shelf(table, "lists", clock=Clock())


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def ask(shelf, path, headers=None, **query):
    _, answer = handler.respond(shelf, Request("GET", path, query, headers or {}))
    return answer


def body(shelf, path, **query):
    answer = ask(shelf, path, **query)
    assert answer["statusCode"] == HTTPStatus.OK, answer
    return json.loads(answer["body"])


def codes(told):
    return [item["code"] for item in told["items"]]


def test_only_codes_are_told_unless_more_is_asked_for(shelf):
    told = body(shelf, "/customers/c1/recommendations", n="2")
    assert told == {
        "customer": "c1",
        "list": "for_you",
        "source": "customer",
        "version": LIVE,
        "as_of": "2026-11-20T12:00:00+00:00",
        "list_version": VERSION,
        "items": [{"code": "10001"}, {"code": "10002"}],
    }


def test_names_and_reasons_come_on_request(shelf):
    told = body(shelf, "/customers/c1/recommendations", n="2", names="true", reasons="true")
    assert told["items"] == [
        {
            "code": "10001",
            "name": "Oak board",
            "reason": {"kind": "again", "detail": "2"},
            "why": "you buy this about every 2 weeks",
        },
        {
            "code": "10002",
            "name": "Plate",
            "reason": {"kind": "because", "detail": "10001"},
            "why": "because you bought Oak board",
        },
    ]


@pytest.mark.parametrize("customer", ["nobody", "empty"])
def test_whoever_has_nothing_of_their_own_is_shown_what_is_popular_and_marked_so(shelf, customer):
    told = body(shelf, f"/customers/{customer}/recommendations")
    assert (told["source"], codes(told)) == ("popular", ["10001", "10002", "10009"])


def test_discover_is_never_filled_up_with_what_was_bought(shelf):
    assert codes(body(shelf, "/customers/c1/recommendations", list="discover")) == ["10002", "10009"]


def test_a_hundred_customers_are_answered_at_once(shelf, table):
    names = ["c1", "empty", *(f"x{number}" for number in range(98))]
    told = body(shelf, "/recommendations", customers=",".join(names), n="1")["answers"]
    assert [answer["customer"] for answer in told] == names
    assert [answer["source"] for answer in told] == ["customer", *["popular"] * 99]
    assert table.calls == 2  # the lists, and what every answer needs


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/recommendations", {}, 400),
        ("/recommendations", {"customers": ""}, 400),
        ("/recommendations", {"customers": ",".join(f"c{n}" for n in range(101))}, 400),
        ("/recommendations", {"customers": "c1,a b"}, 400),
        ("/items/%20/together", {}, 400),
        ("/items//together", {}, 400),
        ("/popular", {"reasons": "1"}, 400),
        ("/popular", {"exlude": "10001"}, 400),
        ("/customers/recommendations", {}, 404),
        ("/health/", {}, 200),
        ("//health", {}, 200),
    ],
)
def test_what_is_wrong_is_told(shelf, path, query, status):
    assert ask(shelf, path, **query)["statusCode"] == status


def test_an_answer_the_caller_has_is_not_sent_again(shelf):
    first = ask(shelf, "/customers/c1/recommendations")
    assert first["headers"]["cache-control"] == "private, max-age=10"
    again = ask(
        shelf, "/customers/c1/recommendations", {"if-none-match": f'W/"x", {first["headers"]["etag"]}'}
    )
    assert (again["statusCode"], again["body"]) == (304, "")
    other = ask(shelf, "/customers/c1/recommendations", {"if-none-match": first["headers"]["etag"]}, n="1")
    assert other["statusCode"] == 200


@pytest.mark.parametrize(("path", "status"), [("/health", 200), ("/nowhere", 404), ("/popular", 200)])
def test_what_may_be_kept_says_so_and_nothing_else(shelf, path, status):
    answer = ask(shelf, path)
    assert answer["statusCode"] == status
    assert (answer["headers"]["cache-control"] == "no-store") == (path != "/popular")


def test_while_the_table_cannot_be_read_what_is_popular_is_told_from_memory(shelf, table):
    body(shelf, "/customers/nobody/recommendations")
    table.down, shelf.clock.now = True, 10 * FRESH_S
    told = body(shelf, "/customers/c1/recommendations")
    assert (told["source"], codes(told)) == ("popular", ["10001", "10002", "10009"])


def test_before_anything_could_be_read_the_caller_is_asked_to_come_again(shelf, table):
    table.down = True
    answer = ask(shelf, "/customers/c1/recommendations")
    assert (answer["statusCode"], answer["headers"]["retry-after"]) == (503, "1")


def test_what_sold_out_is_gone_ten_seconds_later(shelf, table):
    assert "10001" in codes(body(shelf, "/popular"))
    table.items["not-for-sale"] = to_dynamo({"id": "not-for-sale", "codes": pack_codes(["10001"])})
    shelf.clock.now = FRESH_S
    assert "10001" not in codes(body(shelf, "/popular"))
