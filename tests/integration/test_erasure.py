"""An erased customer is nowhere: real Spark, Iceberg, S3 and DynamoDB, and a search that knows only bytes."""

import gzip
import json
from collections import Counter
from datetime import timedelta
from types import SimpleNamespace

import pytest

from contracts import erasure, s3_layout
from contracts.lists import customer_key
from contracts.order_line import Fate
from contracts.s3_layout import Part
from emr_jobs.erasure import requests
from emr_jobs.lake import tables
from infra.lake import search
from publish.store import Store
from tests.byte_search import holding
from tests.erasures import (
    ANNA,
    BERT,
    NOW,
    VERSION,
    account,
    ask,
    carry_out,
    fill,
    line,
    opened,
    orders,
    put,
    take_in,
)


@pytest.fixture
def lake(spark, empty_lake):
    with opened(spark, empty_lake) as made:
        yield made


def leave_a_dead_runs_file(lake):
    """A data file with Anna's lines that no snapshot knows."""
    files = lake.spark.table(f"{tables.full_name('orders')}.files").collect()
    wanted = f"{NOW - timedelta(hours=3):%Y-%m-%d}"
    place = next(row["file_path"] for row in files if wanted in row["file_path"])
    bucket, _, key = place.removeprefix("s3://").partition("/")
    left = key.removesuffix(".parquet") + "-left.parquet"
    lake.shop.s3.copy_object(Bucket=bucket, Key=left, CopySource={"Bucket": bucket, "Key": key})


@pytest.fixture(scope="module")
def erased(spark, empty_lake):
    """Anna is erased; what was there before, and her receipt."""
    source = "till"
    with opened(spark, empty_lake) as lake:
        fill(lake, source)
        take_in(lake)
        leave_a_dead_runs_file(lake)
        before = SimpleNamespace(orders=orders(lake, source), account=account(lake, source))
        assert len(holding(lake, ANNA)) > 9, "the search finds her while she is there"
        ask(lake, ANNA)
        (key,) = carry_out(lake)
        receipt = lake.shop.s3.get_object(Bucket=lake.shop.bucket, Key=key)["Body"].read()
        yield SimpleNamespace(lake=lake, source=source, before=before, receipt=receipt.decode())


def test_nothing_holds_an_erased_customer_and_all_that_holds_another_stays(erased):
    lake, source = erased.lake, erased.source
    assert holding(lake, ANNA) == set()
    assert not search.everywhere(lake.stack, ANNA).found
    bert = search.everywhere(lake.stack, BERT).found
    assert {place.rpartition("/")[2] for place in bert} >= {
        "customers.parquet",
        "factors.npz",
        "part-00001-of-00001.jsonl.gz",
        "x",
        f"table {lake.stack.table}",
    }
    berts = [row for row in erased.before.orders if row["customer"] == BERT]
    places = ("object", "line")  # a doubled line may be counted where it landed the other time
    plain = [{name: row[name] for name in row if name not in places} for row in orders(lake, source)]
    assert plain == [
        {name: row[name] for name in row if name not in places}
        for row in erased.before.orders
        if row["customer"] != ANNA
    ]
    assert len(berts) == 53
    assert f"{source}-6" not in {row["event_id"] for row in plain}, "an order of the future stays refused"


def test_the_ledgers_equations_hold_before_and_after(erased):
    lake, source = erased.lake, erased.source
    before, after = erased.before.account, account(lake, source)
    assert before.agrees == after.agrees
    assert (before.landed, before.written) == (after.landed, after.written)
    moved = Counter(after.fates) - Counter(before.fates)
    assert moved == {Fate.ERASED: 4}, "lines 1, 3 and 8, and the torn 7"


def test_the_receipt_says_what_was_removed_and_does_not_name_the_customer(erased):
    lake = erased.lake
    receipt = json.loads(erased.receipt)
    assert ANNA not in erased.receipt
    assert receipt["removed"] == {
        "raw_lines": 5,
        "raw_objects": 4,
        "orders": 3,
        "rejects": 1,
        "served_items": 1,
        "lists": 1,
        "models": 1,
        "publications": 1,
        "firehose_errors": 1,
    }
    assert receipt["damaged_objects"] == 1
    assert requests.pending(lake.shop.s3, lake.shop.bucket) == []
    assert carry_out(lake) == [], "nothing is asked for any more"


def test_late_lines_are_erased_as_they_land(erased):
    lake, source = erased.lake, erased.source
    key = put(lake, f"{source}-late.gz", gzip.compress(line(source, 60, ANNA) + line(source, 61, BERT)))
    take_in(lake)
    assert holding(lake, ANNA) == set()
    rows = lake.spark.table(tables.full_name("ledger")).where(f"object = '{key}'").collect()
    assert [(row["landed"], row["erased"], row["sale"]) for row in rows] == [(2, 1, 1)]
    assert rows[0]["etag"] == lake.shop.s3.head_object(Bucket=lake.shop.bucket, Key=key)["ETag"].strip('"')


def test_a_part_that_is_in_flight_removes_instead_of_writing(lake, source):
    fill(lake, source)
    ask(lake, ANNA)
    store = Store(lake.shop.s3, lake.shop.dynamodb, lake.shop.table)
    items = list(store.lines(lake.shop.bucket, Part(1, 1, 1).key))
    assert items == [{"id": customer_key(ANNA)}, {"id": customer_key(BERT), "version": str(VERSION)}]


def test_a_customer_nobody_knows_gets_a_receipt_and_stays_refused(lake, source):
    put(lake, f"{source}.csv", line(source, 1, BERT))
    take_in(lake)
    ask(lake, "nobody-1")
    (key,) = carry_out(lake)
    receipt = json.loads(lake.shop.s3.get_object(Bucket=lake.shop.bucket, Key=key)["Body"].read())
    assert set(receipt["removed"].values()) == {0}
    assert erasure.suppression(lake.shop.s3, lake.shop.bucket).covers("nobody-1")


def test_rows_of_an_object_that_s3_has_no_more_go_too(lake, source):
    carla = "carla-4711@home"
    key = put(lake, f"{source}-it's.csv", line(source, 1, carla) + f"torn;{carla};x,{source}-2\n".encode())
    put(lake, f"{source}.csv", line(source, 3, BERT))
    take_in(lake)
    lake.shop.s3.delete_object(Bucket=lake.shop.bucket, Key=key)
    ask(lake, carla)
    carry_out(lake)
    assert holding(lake, carla) == set()
    assert [row["customer"] for row in orders(lake, source)] == [BERT]


def test_without_its_key_the_list_is_not_taken_for_empty(lake):
    ask(lake, ANNA)
    lake.shop.s3.delete_object(Bucket=lake.stack.artifacts, Key=s3_layout.ERASURE_KEY)
    with pytest.raises(erasure.SuppressionKeyMissingError, match="Restore"):
        erasure.suppression(lake.shop.s3, lake.shop.bucket)
