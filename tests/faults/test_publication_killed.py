"""A publication killed before or after any of its calls ends right when it is run again."""

import itertools
import time

import pyarrow as pa
import pytest

from contracts.lists import from_dynamo, from_plain
from contracts.s3_layout import Version
from emr_jobs.lists import export
from emr_jobs.publishing import plan, publication
from emr_jobs.publishing.publication import Shop
from tests.publisher import publisher

FIRST = Version.parse("20261120T100000Z-1")
SECOND = Version.parse("20261120T110000Z-2")
BEFORE = {"customer#1": ["A"], "customer#2": ["B"], "customer#3": ["C"]}
AFTER = {"customer#1": ["A", "D"], "customer#2": ["B"], "customer#4": ["E"]}
LONG_S = 30.0
WRITES = ("put_object", "update_item")


class Killed(BaseException):
    """kill -9 at this call."""


class Mortal:
    """A client that dies at the given write, before or after it took effect."""

    def __init__(self, client, deaths):
        self._client, self._deaths = client, deaths

    def __getattr__(self, name):
        found = getattr(self._client, name)
        if name not in WRITES:
            return found

        def call(**arguments):
            death = next(self._deaths)
            if death == "before":
                raise Killed
            answer = found(**arguments)
            if death == "after":
                raise Killed
            return answer

        return call


def export_version(shop, version, lists):
    rows = [{"key": key, "for_you": codes, "for_you_why": ["p"] * len(codes)} for key, codes in lists.items()]
    export.write(shop.s3, shop.bucket, version.customers, pa.Table.from_pylist(rows, schema=export.SCHEMA))
    export.write(shop.s3, shop.bucket, version.items, export.empty())


def publish(shop, version):
    deadline = time.monotonic() + LONG_S
    return publication.publish(shop, version, full=False, deadline=deadline, report=lambda _: None)


def served(shop):
    items = shop.dynamodb.scan(TableName=shop.table, ConsistentRead=True)["Items"]
    plain = [from_dynamo(item) for item in items if not item["id"]["S"].startswith("control#")]
    return {item["id"]: [entry.code for entry in from_plain(item).lists["for_you"]] for item in plain}


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("write", [0, 1, 2, 3], ids=["opened.json", "open", "first part", "second part"])
@pytest.mark.parametrize("again", [SECOND, FIRST], ids=["the same version", "another version"])
def test_it_ends_right_when_run_again(shop, monkeypatch, moment, write, again):
    monkeypatch.setattr(plan, "PART_ITEMS", 2)  # so that three changes are two parts
    export_version(shop, FIRST, BEFORE)
    export_version(shop, SECOND, AFTER)
    with publisher(shop):
        publish(shop, FIRST)
        deaths = itertools.chain([""] * write, [moment])
        mortal = Shop(Mortal(shop.s3, deaths), Mortal(shop.dynamodb, deaths), shop.bucket, shop.table)
        with pytest.raises(Killed):
            publish(mortal, SECOND)
        live = publish(shop, again)
    assert live.live_version == str(again)
    assert served(shop) == (AFTER if again is SECOND else BEFORE)
