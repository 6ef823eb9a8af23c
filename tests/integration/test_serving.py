"""From a publication's parts in S3 to the lookup's answer, against the real local AWS."""

import gzip
import json
import time
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest

from contracts import publications, s3_layout
from contracts.catalogue import format_catalogue, parse_catalogue
from contracts.lists import Entry, Served, customer_key, removal, to_plain, together_key
from contracts.publications import PublicationOpenError, State
from contracts.s3_layout import Part
from lookup.handler import respond
from lookup.request import Request
from lookup.shelf import Shelf
from publish import catalogue, parts
from publish.handler import new_objects
from publish.pen import OvertakenError, Pen
from publish.store import Store

VERSION = "20261120T110000Z-1795173509"
NEWER = "20261120T120000Z-1795177109"


@pytest.fixture
def bucket(place):
    return place


@pytest.fixture
def store(place):
    return Store.connect(place)


@pytest.fixture
def shelf(place):
    return Shelf(boto3.client("dynamodb"), place)


def entries(*codes):
    return tuple(Entry(code, "p") for code in codes)


def customer(name, version, *codes):
    return to_plain(Served(customer_key(name), version, {"for_you": entries(*codes), "discover": ()}))


def popular(version, *codes):
    return to_plain(Served("popular", version, {"popular": entries(*codes)}))


def open_publication(store, bucket, number, version, *contents):
    """Opened, with its parts in S3; the answer is the parts."""
    publications.open_(store.dynamodb, store.table, number, version, len(contents))
    made = [Part(number, place, len(contents)) for place in range(1, len(contents) + 1)]
    for part, plains in zip(made, contents, strict=True):
        body = gzip.compress("\n".join(map(json.dumps, plains)).encode())
        store.s3.put_object(Bucket=bucket, Key=part.key, Body=body)
    return made


def get(shelf, path, **query):
    _, answer = respond(shelf, Request("GET", path, query))
    return answer["statusCode"], json.loads(answer["body"])


def codes(body):
    return [item["code"] for item in body["items"]]


def test_a_version_is_live_when_its_last_part_is_in(store, bucket):
    first, second = open_publication(
        store, bucket, 1, VERSION, [customer("c1", VERSION, "10001")], [customer("c2", VERSION, "10002")]
    )
    parts.publish(store, bucket, second)
    assert publications.read(store.dynamodb, store.table).live_version == ""
    parts.publish(store, bucket, first)
    assert publications.read(store.dynamodb, store.table).live_version == VERSION
    closed = json.loads(store.object(bucket, s3_layout.closed_key(1)))
    assert (closed["number"], closed["version"]) == (1, VERSION)


def test_a_part_that_comes_twice_changes_nothing(store, bucket, shelf):
    (part,) = open_publication(store, bucket, 1, VERSION, [customer("c1", VERSION, "10001")])
    parts.publish(store, bucket, part)
    assert "dropped" in parts.publish(store, bucket, part)
    assert codes(get(shelf, "/customers/c1/recommendations")[1]) == ["10001"]


def test_a_part_of_an_earlier_publication_is_dropped(store, bucket, shelf):
    (old,) = open_publication(store, bucket, 1, VERSION, [customer("c1", VERSION, "10001")])
    publications.abandon(store.dynamodb, store.table, 1)
    (new,) = open_publication(store, bucket, 2, NEWER, [customer("c1", NEWER, "10002")])
    parts.publish(store, bucket, new)
    assert "dropped" in parts.publish(store, bucket, old)
    assert codes(get(shelf, "/customers/c1/recommendations")[1]) == ["10002"]


def test_a_second_publication_cannot_open_while_one_is_open(store, bucket):
    open_publication(store, bucket, 1, VERSION, [])
    with pytest.raises(PublicationOpenError):
        publications.open_(store.dynamodb, store.table, 2, NEWER, 1)
    assert publications.read(store.dynamodb, store.table).number == 1


def test_a_number_is_never_used_twice(store, bucket):
    (part,) = open_publication(store, bucket, 1, VERSION, [])
    parts.publish(store, bucket, part)
    with pytest.raises(PublicationOpenError):
        publications.open_(store.dynamodb, store.table, 1, NEWER, 1)


def test_what_a_paused_worker_overwrote_is_mended_before_the_version_goes_live(store, bucket, shelf):
    first, second = open_publication(
        store, bucket, 1, NEWER, [customer("c1", NEWER, "10002")], [customer("c2", NEWER, "10003")]
    )
    parts.publish(store, bucket, first)
    store.write([customer("c1", VERSION, "10001")])  # an old publication's worker wakes up
    assert "1 items mended" in parts.publish(store, bucket, second)
    assert codes(get(shelf, "/customers/c1/recommendations")[1]) == ["10002"]


def test_a_worker_killed_after_marking_the_last_part_is_followed_by_one_that_closes(store, bucket):
    (part,) = open_publication(store, bucket, 1, VERSION, [customer("c1", VERSION, "10001")])
    publications.mark_done(store.dynamodb, store.table, 1, part.place)  # and killed: nothing was written
    assert "1 items mended" in parts.publish(store, bucket, part)
    assert publications.read(store.dynamodb, store.table).state == State.LIVE


def test_a_closer_that_wakes_after_the_next_version_went_live_changes_nothing(store, bucket, shelf):
    (old,) = open_publication(store, bucket, 1, VERSION, [customer("c1", VERSION, "10001")])
    asleep = publications.mark_done(store.dynamodb, store.table, 1, 1)
    parts.publish(store, bucket, old)  # the message came again, and another worker closed
    (new,) = open_publication(store, bucket, 2, NEWER, [customer("c1", NEWER, "10002")])
    parts.publish(store, bucket, new)
    with pytest.raises(OvertakenError):
        parts.close(Pen(store, 1), bucket, asleep)
    assert codes(get(shelf, "/customers/c1/recommendations")[1]) == ["10002"]


def test_an_abandoned_publication_never_says_in_s3_that_it_is_live(store, bucket):
    open_publication(store, bucket, 1, VERSION, [customer("c1", VERSION, "10001")])
    asleep = publications.mark_done(store.dynamodb, store.table, 1, 1)
    publications.abandon(store.dynamodb, store.table, 1)
    with pytest.raises(OvertakenError):
        parts.close(Pen(store, 1), bucket, asleep)
    assert "Contents" not in store.s3.list_objects_v2(Bucket=bucket, Prefix=s3_layout.closed_key(1))


def test_a_closer_killed_before_its_note_in_s3_is_made_good_by_the_message_that_comes_again(store, bucket):
    (part,) = open_publication(store, bucket, 1, VERSION, [customer("c1", VERSION, "10001")])
    parts.publish(store, bucket, part)
    store.s3.delete_object(Bucket=bucket, Key=s3_layout.closed_key(1))  # as if it had never come to it
    assert "live already" in parts.publish(store, bucket, part)
    assert json.loads(store.object(bucket, s3_layout.closed_key(1)))["version"] == VERSION


def test_an_item_that_is_removed_is_gone(store, bucket):
    (part,) = open_publication(store, bucket, 1, VERSION, [customer("c1", VERSION, "10001")])
    parts.publish(store, bucket, part)
    (part,) = open_publication(store, bucket, 2, NEWER, [removal(customer_key("c1"))])
    parts.publish(store, bucket, part)
    assert store.read([customer_key("c1")], "version") == {}


def test_parts_written_side_by_side_close_once(store, bucket):
    contents = [[customer(f"c{n}", VERSION, "10001")] for n in range(8)]
    made = open_publication(store, bucket, 1, VERSION, *contents)
    with ThreadPoolExecutor(len(made)) as workers:
        said = list(workers.map(lambda part: parts.publish(store, bucket, part), made))
    assert sum("is live" in text for text in said) == 1
    found = publications.read(store.dynamodb, store.table)
    assert (found.state, found.done) == (State.LIVE, frozenset(range(1, 9)))


def test_the_lookup_shows_a_customers_list_in_its_order(store, shelf):
    store.write([customer("c1", VERSION, "10003", "10001", "10002")])
    status, body = get(shelf, "/customers/c1/recommendations", n="2")
    assert status == 200
    assert (body["source"], body["list_version"], codes(body)) == ("customer", VERSION, ["10003", "10001"])


def test_what_is_not_for_sale_is_dropped_and_the_list_filled_from_its_spares_then_popular(
    store, bucket, shelf
):
    raw = b"code,name,unit_price,for_sale\n10001,Gone,1.0,false\n10002,Board,1.0,true\n10009,Best,1.0,true\n"
    store.s3.put_object(Bucket=bucket, Key=s3_layout.CATALOGUE, Body=raw)
    assert catalogue.publish(store, bucket) == "catalogue: 3 items, 3 changed"
    store.write([customer("c1", VERSION, "10001", "10002"), popular(VERSION, "10001", "10002", "10009")])
    body = get(shelf, "/customers/c1/recommendations", n="2", names="true")[1]
    assert codes(body) == ["10002", "10009"]
    assert [item["name"] for item in body["items"]] == ["Board", "Best"]
    assert body["source"] == "customer"


def test_a_catalogue_that_did_not_change_writes_nothing_more(store, bucket):
    items = list(parse_catalogue(b"code,name,unit_price,for_sale\n10001,Board,1.0,true\n"))
    store.s3.put_object(Bucket=bucket, Key=s3_layout.CATALOGUE, Body=format_catalogue(items))
    catalogue.publish(store, bucket)
    assert catalogue.publish(store, bucket) == "catalogue: 1 items, 0 changed"


def test_a_catalogue_that_came_while_an_older_one_was_written_wins(store, bucket, shelf):
    def upload(for_sale):
        raw = b"code,name,unit_price,for_sale\n10001,Board,1.0,%s\n" % for_sale
        store.s3.put_object(Bucket=bucket, Key=s3_layout.CATALOGUE, Body=raw)

    class Slow(Store):
        """Between its reading and writing the shop uploads another file, and another worker carries it."""

        overtaken = False

        def object(self, bucket, key):
            body = super().object(bucket, key)
            if not Slow.overtaken:
                Slow.overtaken = True
                upload(b"false")
                catalogue.publish(store, bucket)
            return body

    upload(b"true")
    catalogue.publish(Slow(store.s3, store.dynamodb, store.table), bucket)
    assert shelf.common().unsold == {"10001"}


def test_what_was_just_bought_can_be_excluded(store, shelf):
    store.write([customer("c1", VERSION, "10001", "10002")])
    assert codes(get(shelf, "/customers/c1/recommendations", exclude="10001,x")[1]) == ["10002"]


def test_an_unknown_customer_is_shown_what_is_popular_and_told_so(store, shelf):
    store.write([popular(VERSION, "10009")])
    status, body = get(shelf, "/customers/nobody/recommendations")
    assert (status, body["source"], codes(body)) == (200, "popular", ["10009"])


def test_an_item_shows_what_goes_with_it_but_not_itself(store, shelf):
    store.write(
        [
            to_plain(Served(together_key("10001"), VERSION, {"together": entries("10002")})),
            popular(VERSION, "10001", "10009"),
        ]
    )
    assert codes(get(shelf, "/items/10001/together")[1]) == ["10002", "10009"]


def test_health_tells_the_version_and_its_age(store, bucket, shelf):
    assert get(shelf, "/health")[1]["status"] == "empty"
    (part,) = open_publication(store, bucket, 1, VERSION, [])
    parts.publish(store, bucket, part)
    body = get(Shelf(shelf.dynamodb, shelf.table), "/health")[
        1
    ]  # another function: each keeps it ten seconds
    assert (body["version"], body["as_of"]) == (VERSION, "2026-11-20T11:00:00+00:00")
    assert abs(body["age_seconds"] - (time.time() - 1795172400)) < 60


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/customers/a%20b/recommendations", {}, 400),
        ("/customers//recommendations", {}, 400),
        ("/customers/c1/recommendations", {"n": "0"}, 400),
        ("/customers/c1/recommendations", {"n": "31"}, 400),
        ("/customers/c1/recommendations", {"n": "000001" + "0" * 5000}, 400),
        ("/customers/c1/recommendations", {"n": "²"}, 400),
        ("/customers/c1/recommendations", {"list": "best"}, 400),
        ("/customers/c1/recommendations", {"names": "yes"}, 400),
        ("/customers/c1/recommendations", {"exclude": ",".join(map(str, range(101)))}, 400),
        ("/items/%20/together", {}, 400),
        ("/items/" + "9" * 65 + "/together", {}, 400),
        ("/", {}, 404),
        ("/customers/c1", {}, 404),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(shelf, path, query, status):
    answered, body = get(shelf, path, **query)
    assert answered == status
    assert body["error"]


def test_only_get_is_served(shelf):
    _, answer = respond(shelf, Request("POST", "/health", {}))
    assert (answer["statusCode"], answer["headers"]["allow"]) == (405, "GET")


def test_an_s3_test_event_names_no_object():
    assert list(new_objects(json.dumps({"Event": "s3:TestEvent", "Bucket": "b"}))) == []


def test_an_s3_events_key_is_decoded():
    record = {"s3": {"bucket": {"name": "b"}, "object": {"key": "publications/a+b%3D"}}}
    assert list(new_objects(json.dumps({"Records": [record]}))) == [("b", "publications/a b=")]
