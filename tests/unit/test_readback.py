"""Reading a publication back before it goes live, of many parts and while somebody is being erased."""

import gzip
import io
import json

import pytest

from contracts.erasure import NOBODY, Suppression, keyed_hash
from contracts.lists import removal
from contracts.publications import Publication, State
from publish import readback
from publish.store import Store

PARTS = 70  # more than are read before something is written
VERSION = "20261120T100000Z-1"


class Bucket:
    """Part N of the publication names customer N."""

    def get_object(self, *, Key, **_bucket):  # noqa: N803 (S3's name)
        place = int(Key.rpartition("part-")[2].partition("-")[0])
        line = json.dumps({"id": f"customer#{place}", "version": VERSION})
        return {"Body": io.BytesIO(gzip.compress(line.encode()))}


class Table:
    """Everybody's item as it should be, but for those it has lost."""

    def __init__(self, *lost):
        self.lost = lost

    def batch_get_item(self, *, RequestItems):  # noqa: N803 (DynamoDB's name)
        keys = [key["id"]["S"] for key in RequestItems["lists"]["Keys"]]
        there = [{"id": {"S": key}, "version": {"S": VERSION}} for key in keys if key not in self.lost]
        return {"Responses": {"lists": there}, "UnprocessedKeys": {}}


@pytest.fixture
def wrong(monkeypatch):
    """`wrong(table, *lists)`: the keys to write again; `lists` are the lists of the erased, as they grow."""

    def find(table, *lists):
        grown = iter(lists)
        monkeypatch.setattr(readback.erasure, "suppression", lambda *_place: next(grown))
        publication = Publication(1, VERSION, PARTS, State.OPEN, frozenset(range(1, PARTS + 1)), 0, "")
        return list(readback.wrong(Store(Bucket(), table, "lists"), "bucket", publication))

    return find


def test_where_all_stands_right_the_erased_are_read_once_however_many_parts(wrong):
    assert wrong(Table(), NOBODY) == []


def test_what_is_missing_is_named_in_the_order_of_the_parts(wrong):
    lost = ("customer#69", "customer#2", "customer#33")
    found = wrong(Table(*lost), NOBODY, NOBODY, NOBODY, NOBODY)
    assert [item["id"] for item in found] == ["customer#2", "customer#33", "customer#69"]


def test_who_is_erased_while_the_keys_are_read_back_is_not_written_again(wrong):
    key = b"a key"
    erased = Suppression(key, frozenset({keyed_hash(key, "2")}))
    assert wrong(Table("customer#2"), NOBODY, erased) == [removal("customer#2")]
