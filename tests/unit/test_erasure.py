"""A mark keeps the event id and nothing else; the list of erased customers knows them by a keyed hash."""

import base64
import gzip
import io
import json
import string
import zlib
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from botocore import session
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from contracts import erasure
from contracts.erasure import Suppression, keyed_hash
from contracts.order_line import ErasedLineError, RefusedLineError, parse_line
from contracts.s3_layout import SUPPRESSED
from emr_jobs.erasure import places
from emr_jobs.erasure.places import UnreadableFileError
from emr_jobs.lake import erased_objects
from emr_jobs.lake.objects import RawObject, blocks
from emr_jobs.lake.order_rows import landed_rows
from infra.lake import search
from tests.damage import damaged

KEY = bytes(range(32))
ANNA = "anna-4711"
WHEN = datetime(2026, 11, 20, 12, tzinfo=UTC)
ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._@:+-]{0,63}", fullmatch=True)


def line(customer, event_id, description="Lamp"):
    return f"500001,10001,{description},2,2026-11-20T11:00:00Z,2.50,{customer},France,{event_id}\n".encode()


def found(content, key="orders/2026/11/20/12/a.gz"):
    return RawObject(key, "etag", len(content), WHEN, WHEN)


def rows(content, suppression=erasure.NOBODY):
    batches = landed_rows(found(content), blocks([content]), UTC, suppression)
    return [row for batch in batches for row in batch.to_pylist()]


def suppressing(*customers):
    return Suppression(KEY, frozenset(keyed_hash(KEY, customer) for customer in customers))


class Bucket:
    """S3 as far as rewriting one object needs it."""

    def __init__(self, content):
        self.content, self.metadata = content, {}

    def get_object(self, **_):
        self.iter_chunks = lambda _size: iter([self.content])
        return {"Body": self, "Metadata": self.metadata, "ContentType": "application/x-gzip"}

    def put_object(self, *, Body, Metadata, **_):  # noqa: N803 (S3's names)
        self.content, self.metadata = Body, Metadata
        return {"ETag": f'"{zlib.crc32(Body)}"'}


def rewritten(content, customer=ANNA):
    bucket = Bucket(content)
    erased_objects.rewrite(bucket, "b", found(content), {customer}.__contains__)
    return bucket.content


@given(event_id=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,20}-[1-9][0-9]{0,14}", fullmatch=True))
def test_a_mark_says_its_event_id_and_is_neither_an_order_nor_a_reject(event_id):
    with pytest.raises(ErasedLineError) as read:
        parse_line(erasure.mark(event_id))
    assert read.value.event_id == event_id


@given(customer=ids, other=ids)
def test_the_list_knows_whom_it_names_and_nobody_else(customer, other):
    listed = suppressing(customer)
    assert listed.covers(customer)
    assert listed.covers(other) == (other == customer)
    assert listed.covers(other) == (other == customer), "asked again"


def test_with_another_key_the_list_names_nobody():
    assert not replace(suppressing(ANNA), key=b"another").covers(ANNA)


def test_neither_the_list_nor_a_receipt_can_be_told_from_the_id_without_the_key():
    assert keyed_hash(KEY, ANNA) != keyed_hash(b"another", ANNA)
    assert ANNA not in SUPPRESSED + keyed_hash(KEY, ANNA)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (line(ANNA, "shop-1"), True),
        (line(f'"{ANNA}"', "shop-1"), True),
        (line("bert", "shop-1", ANNA), False),
        (line(f"{ANNA}0", "shop-1"), False),
        (f"500001;{ANNA};cut".encode(), True),
        (f"500001;customer={ANNA}.".encode(), True),
        (f"500001;{ANNA}0;cut".encode(), False),
        (b"\xff," + line(ANNA, "shop-1"), True),
        (erasure.mark("shop-1"), False),
    ],
)
def test_a_line_is_a_customers_by_its_field_and_a_refused_one_by_any_token(raw, expected):
    assert erasure.names(raw, {ANNA}.__contains__) is expected


def test_late_lines_of_an_erased_customer_are_erased_whatever_their_form():
    careless = line(ANNA, "shop-2").replace(b",10001,", b", 10001 ,")
    content = line("bert", "shop-1") + careless + line(ANNA, "shop-3") + f"torn;{ANNA};x,shop-4\n".encode()
    landed = rows(content, suppressing(ANNA))
    assert [(row["line"], row["fate"], row["event_id"], row["reason"]) for row in landed] == [
        (1, "sale", "shop-1", None),
        (2, "erased", "shop-2", "suppressed"),
        (3, "erased", "shop-3", "suppressed"),
        (4, "erased", "shop-4", "suppressed"),
    ]
    assert ANNA not in str(landed)


def test_marks_keep_the_number_of_lines_and_what_the_others_say():
    content = line("bert", "shop-1") + b"\n" + line(ANNA, "shop-2") + line("", "shop-3") + b"torn line\n"
    before, after = rows(content), rows(rewritten(content))
    assert [row["line"] for row in after] == [1, 3, 4, 5]
    assert [row for row in after if row["line"] != 3] == [row for row in before if row["line"] != 3]
    assert (after[1]["fate"], after[1]["event_id"]) == ("erased", "shop-2")


def test_a_refused_lines_mark_keeps_the_id_at_its_end():
    (row,) = rows(rewritten(f"torn;{ANNA};x,shop-7\n".encode()))
    assert (row["fate"], row["event_id"], row["raw"]) == ("erased", "shop-7", None)


@pytest.mark.parametrize("packed", [gzip.compress, bytes])
def test_rewriting_twice_changes_nothing_more(packed):
    content = packed(line(ANNA, "shop-1") + line("bert", "shop-2"))
    once = rewritten(content)
    assert ANNA.encode() not in once
    assert rewritten(once) == once


def test_an_object_of_several_gzip_members_is_erased_in_all_of_them():
    content = gzip.compress(line(ANNA, "shop-1")) + gzip.compress(
        line("bert", "shop-2") + line(ANNA, "shop-3")
    )
    assert Counter(row["fate"] for row in rows(rewritten(content))) == {"erased": 2, "sale": 1}


def test_a_damaged_object_stays_damaged_and_the_cut_line_stays_a_reject():
    whole = gzip.compress(b"".join(line("bert", f"shop-{n}") for n in range(1, 400)) + line(ANNA, "shop-400"))
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    cut = packer.compress(line(ANNA, "shop-1") + line("bert", "shop-2") + b"500001,10001,La")
    cut += packer.flush(zlib.Z_SYNC_FLUSH)
    after = rows(rewritten(cut))
    assert [(row["fate"], row["reason"]) for row in after] == [
        ("erased", None),
        ("sale", None),
        ("rejected", "cut_short"),
    ]
    assert after[2]["raw"] == b"500001,10001,La"
    assert rows(rewritten(whole[:-9]))[-1]["reason"] == "cut_short"


def test_a_cut_line_of_the_customer_is_erased_without_claiming_an_id():
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    cut = packer.compress(line("bert", "shop-2") + f"1,1,Lamp,2,2026,2.50,{ANNA},France,shop-3".encode())
    cut += packer.flush(zlib.Z_SYNC_FLUSH)
    last = rows(rewritten(cut))[-1]
    assert (last["fate"], last["event_id"]) == ("erased", "")
    assert rows(cut, suppressing(ANNA))[-1]["fate"] == "erased"


def test_a_rewritten_object_is_not_younger_than_its_lines():
    bucket = Bucket(line(ANNA, "shop-1"))
    erased_objects.rewrite(bucket, "b", found(bucket.content), {ANNA}.__contains__)
    later = replace(found(bucket.content), modified=datetime(2027, 1, 1, tzinfo=UTC))
    assert erased_objects.as_it_arrived(later, bucket.metadata).modified == WHEN


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
    inside = base64_bytes(json.loads(content)["rawData"])
    assert (inside, count) == (erasure.mark("shop-1") + line("bert", "shop-2"), 1)


def base64_of(raw):

    return base64.b64encode(raw).decode()


def base64_bytes(text):

    return base64.b64decode(text)


def test_parsing_a_line_that_only_begins_like_a_mark_refuses_it():
    with pytest.raises(RefusedLineError):
        parse_line(b"ERASED,,Lamp,,,,,,shop-1")


def test_ids_with_every_allowed_sign_are_found_as_tokens():
    customer = "a" + "._@:+-".join(string.digits[:3]) + "z"
    assert erasure.names(f"torn;{customer};".encode(), {customer}.__contains__)


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


@pytest.fixture
def s3():
    return session.get_session().create_client(
        "s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )


@pytest.mark.parametrize("code", ["NoSuchKey", "AccessDenied"])
def test_a_key_that_is_lost_is_told_as_that_and_not_as_s3_words_it(s3, code):
    """S3 denies what is not there to a role that may not list it."""
    with Stubber(s3) as stub:
        stub.add_client_error("get_object", code)
        with pytest.raises(erasure.SuppressionKeyMissingError, match="Restore both"):
            erasure.read_key(s3, "shop")


def test_another_error_of_s3_stays_what_it_is(s3):
    with Stubber(s3) as stub:
        stub.add_client_error("get_object", "SlowDown")
        with pytest.raises(s3.exceptions.ClientError, match="SlowDown"):
            erasure.read_key(s3, "shop")
