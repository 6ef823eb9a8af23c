"""Each place that holds a customer loses that customer alone; and what the search finds, and does not."""

import base64
import gzip
import io
import json
import zlib

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from contracts import erasure
from emr_jobs.erasure import places
from emr_jobs.erasure.places import UnreadableFileError
from infra.lake import search
from tests.damage import damaged
from tests.erased_lines import ANNA, line


def test_a_list_loses_the_customers_row_alone():
    file = io.BytesIO()
    parquet.write_table(pa.table({"key": ["customer#anna", "customer#anna-4711"]}), file)
    content, count = places.lists(file.getvalue(), "anna")
    assert count == 1
    assert parquet.read_table(io.BytesIO(content))["key"].to_pylist() == ["customer#anna-4711"]


def test_a_model_loses_the_customers_name_and_rows():
    file = io.BytesIO()
    np.savez(
        file,
        customers=np.array(["anna", "bert"]),
        items=np.array(["10001", "10002"]),
        of_customers=np.array([[1.0], [2.0]], np.float32),
        of_items=np.array([[3.0], [4.0]], np.float32),
    )
    content, count = places.models(file.getvalue(), "anna")
    with np.load(io.BytesIO(content)) as held:
        left = {name: held[name].tolist() for name in held.files}
    assert count == 1
    assert left == {
        "customers": ["bert"],
        "items": ["10001", "10002"],
        "of_customers": [[2.0]],
        "of_items": [[3.0], [4.0]],
    }


class Objects:
    """S3 with one object in it."""

    class exceptions:  # noqa: N801 (boto3's name)
        NoSuchKey = FileNotFoundError

    def __init__(self, key, content):
        self.key, self.content = key, content

    def get_paginator(self, _):
        return self

    def paginate(self, **_):
        return [{"Contents": [{"Key": self.key}]}]

    def get_object(self, **_):
        return {"Body": io.BytesIO(self.content)}


def _model():
    file = io.BytesIO()
    np.savez_compressed(file, customers=np.array(["bert"] * 9), digests=np.arange(9, dtype=np.uint64))
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "key", "written"),
    [
        ("models", "models/1/ranked.npz", _model()),
        ("publications", "publications/1/part.jsonl.gz", gzip.compress(b'{"id": "customer#bert"}\n' * 9)),
    ],
    ids=["models", "publications"],  # packed bytes hold the time: two processes would name them otherwise
)
def test_a_file_with_a_damaged_byte_is_named_or_names_nobody_else(name, key, written):
    place = next(one for one in places.PLACES if one.name == name)
    refused = 0
    for content in damaged(written, step=1):
        try:
            assert places.erase(Objects(key, content), "shop", place, "anna", only_look=True) == 0
        except UnreadableFileError:
            refused += 1
    assert refused > len(written) / 2


def test_a_publication_loses_the_customers_item_and_its_removal():
    part = b"".join(
        json.dumps(item).encode() + b"\n" for item in ({"id": "customer#anna"}, {"id": "customer#bert"})
    )
    content, count = places.publications(gzip.compress(part), "anna")
    assert (gzip.decompress(content), count) == (b'{"id": "customer#bert"}\n', 1)


def test_an_error_object_keeps_its_records_with_marks_inside():
    packed = base64_of(line(ANNA, "shop-1") + line("bert", "shop-2"))
    content, count = places.firehose_errors(json.dumps({"errorCode": "x", "rawData": packed}).encode(), ANNA)
    inside = base64.b64decode(json.loads(content)["rawData"])
    assert (inside, count) == (erasure.mark("shop-1") + line("bert", "shop-2"), 1)


def base64_of(raw):
    return base64.b64encode(raw).decode()


def avro(block):
    """An Avro file of one compressed block, as far as a search goes."""
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(block) + packer.flush()
    marker = bytes(range(16))
    size, number = len(packed) << 1, bytearray()
    while size > 127:
        number.append(size & 127 | 128)
        size >>= 7
    header = b"Obj\x01" + b"avro.codec deflate" + marker
    return header + b"\x02" + bytes([*number, size]) + packed + marker


@pytest.mark.parametrize(
    ("key", "content", "expected"),
    [
        ("orders/a", line("4711", "shop-1"), True),
        ("orders/a", line("bert", "shop-4711"), False),
        ("orders/a.gz", gzip.compress(b"x\n") + gzip.compress(line("4711", "shop-1")), True),
        ("lists/v/card.json", b'{"orders": 4711}', False),
        ("publications/1/part.jsonl.gz", gzip.compress(b'{"id":"customer#4711"}\n'), True),
        ("publications/1/part.jsonl.gz", gzip.compress(b'{"id":"customer#47110"}\n'), False),
        ("firehose-errors/x", json.dumps({"rawData": base64_of(line("4711", "shop-1"))}).encode(), True),
        ("lake/orders/metadata/m0.avro", avro(b"\x00\x084711\x00" * 200), True),
        ("lake/orders/metadata/m0.avro", avro(b"\x00\x0a47110\x00" * 200), False),
        ("erasures/requests/x.json", b'{"customer": "4711"}', True),
    ],
    ids=range(10),  # what is packed holds the time, and two processes shall collect the same names
)
def test_the_search_finds_a_number_where_it_names_a_customer_and_nowhere_else(key, content, expected):
    assert search.holds(key, content, "4711") is expected
