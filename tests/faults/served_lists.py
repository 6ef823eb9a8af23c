"""Three versions of a small shop's lists, put live and asked for: what serving's fault tests share."""

import itertools
import json
import random
import threading
import time
from contextlib import contextmanager

import pytest

from contracts import publications
from contracts.lists import from_dynamo, from_plain
from contracts.s3_layout import Part, Version
from emr_jobs.publishing import publication
from emr_jobs.publishing.publication import PublicationLateError
from lookup.handler import respond
from lookup.request import Request
from lookup.shelf import Shelf
from publish import parts

FIRST, SECOND, THIRD = (Version.parse(f"20261120T1{hour}0000Z-{hour + 1}") for hour in range(3))
CUSTOMERS = [f"c{number}" for number in range(20)]
SHOWN = 3
LONG_S = 30.0


def shop_lists(seed):
    """Key -> list name -> codes: what one retrain might export; about a third of it differs by seed."""
    chance = random.Random(seed)
    lists = {"popular": {"popular": [f"9000{n}" for n in range(SHOWN)]}}
    for number, customer in enumerate(CUSTOMERS):
        taste = random.Random(number if chance.random() < 0.6 else f"{seed}-{number}")
        if number == 0 or chance.random() < 0.9:  # some have no list this time
            codes = [f"1{taste.randrange(10_000):04d}" for _ in range(SHOWN)]
            lists[f"customer#{customer}"] = {"for_you": codes, "discover": codes[::-1]}
    return lists


VERSIONS = {version: shop_lists(str(version)) for version in (FIRST, SECOND, THIRD)}


def begin(shop, version):
    """Open a publication and write its parts, telling nobody; the answer is the parts."""
    with pytest.raises(PublicationLateError):
        publication.publish(shop, version, full=False, deadline=0, report=lambda _: None)
    state = publications.read(shop.dynamodb, shop.table)
    return [Part(state.number, place, state.parts) for place in range(1, state.parts + 1)]


def put_live(shop, store, version):
    for part in begin(shop, version):
        parts.publish(store, shop.bucket, part)
    assert live(shop) == version


def live(shop):
    return Version.parse(publications.read(shop.dynamodb, shop.table).live_version)


def served(shop):
    """Key -> list name -> codes, as they stand in the table."""
    items = shop.dynamodb.scan(TableName=shop.table, ConsistentRead=True)["Items"]
    found = [from_plain(from_dynamo(item)) for item in items if not item["id"]["S"].startswith("control#")]
    return {
        one.key: {name: [entry.code for entry in entries] for name, entries in one.lists.items()}
        for one in found
    }


def one_of(customer):
    """Every list that some version has for the customer; what is popular where one has none."""
    own = [lists.get(f"customer#{customer}", {}).get("for_you") for lists in VERSIONS.values()]
    return [codes or lists["popular"]["popular"] for codes, lists in zip(own, VERSIONS.values(), strict=True)]


@contextmanager
def shopper(dynamodb, table):
    """Asks for one customer after another while the block runs; nothing it is told may be wrong."""
    shelf, ended, asked, wrong = Shelf(dynamodb, table), threading.Event(), [], []

    def shop_on():
        for customer in itertools.cycle(CUSTOMERS):
            if ended.is_set():
                return
            path = f"/customers/{customer}/recommendations"
            _, answer = respond(shelf, Request("GET", path, {"n": str(SHOWN)}))
            asked.append(customer)
            codes = [item["code"] for item in json.loads(answer["body"]).get("items", ())]
            if answer["statusCode"] != 200 or codes not in one_of(customer):
                wrong.append((customer, answer))

    thread = threading.Thread(target=shop_on)
    thread.start()
    try:
        yield
        enough = time.monotonic() + LONG_S
        while len(asked) < len(CUSTOMERS) and time.monotonic() < enough:
            time.sleep(0.01)
    finally:
        ended.set()
        thread.join()
    assert wrong == []
    assert len(asked) >= len(CUSTOMERS)
