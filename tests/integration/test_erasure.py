"""An erased customer is nowhere: real Spark, Iceberg, S3 and DynamoDB, and a search that knows only bytes."""

import base64
import gzip
import io
import itertools
import json
import re
import uuid
import zlib
from collections import Counter
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import boto3
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from contracts import erasure, s3_layout
from contracts.lists import customer_key
from contracts.order_line import Fate, OrderLine, format_line
from contracts.s3_layout import Part, Version
from emr_jobs import factors, ingest
from emr_jobs.erasure import requests, work
from emr_jobs.factors import Factors
from emr_jobs.lake import tables
from emr_jobs.lists import export
from emr_jobs.shop import Shop
from infra.lake import search
from infra.lake.ledger import accounts as ledger_accounts
from publish.store import Store

NOW = datetime.now(UTC).replace(microsecond=0)
ANNA, BERT = "anna-4711@home", "bert-0815@home"
VERSION = Version(NOW, 1)
_numbers = itertools.count(1)


class KilledError(Exception):
    pass


def line(source, sequence, customer, **changes):
    values = {
        "invoice": "500001",
        "stock_code": "10001",
        "description": "Lamp, small",
        "quantity": 2,
        "time": NOW - timedelta(hours=3),
        "unit_price": Decimal("2.50"),
        "customer": customer,
        "country": "France",
        "event_id": f"{source}-{sequence}",
    }
    return format_line(OrderLine(**values | changes))


@pytest.fixture
def source():
    """A source of its own for each test: the tables are shared."""
    return f"till{next(_numbers)}"


def open_lake(spark, local_aws, place):
    """A bucket of raw orders and one of artifacts; the tables are the session's."""
    spark.sql(f"CREATE NAMESPACE IF NOT EXISTS lake.{tables.DATABASE}")
    for table in tables.TABLES:
        spark.sql(tables.create_statement(table))
    s3, dynamodb = boto3.client("s3"), boto3.client("dynamodb")
    for bucket in (place, f"{place}-artifacts"):
        s3.create_bucket(Bucket=bucket)
    dynamodb.create_table(
        TableName=place,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    stack = SimpleNamespace(bucket=place, table=place, artifacts=f"{place}-artifacts")
    shop = Shop(s3, dynamodb, place, place)
    return SimpleNamespace(shop=shop, stack=stack, tables_bucket=local_aws.lake_bucket, spark=spark)


@pytest.fixture
def lake(spark, local_aws):
    opened = open_lake(spark, local_aws, f"erasure-{uuid.uuid4().hex}")
    yield opened
    opened.shop.s3.close()
    opened.shop.dynamodb.close()


def put(lake, name, content, hour=NOW):
    key = s3_layout.arrival_prefix(hour) + name
    lake.shop.s3.put_object(Bucket=lake.shop.bucket, Key=key, Body=content)
    return key


def fill(lake, source):
    """Order lines of both, good, doubled, refused and damaged, and all that is made of them."""
    future = line(source, 6, BERT, time=NOW + timedelta(days=2))
    many = b"".join(line(source, n, BERT) for n in range(9, 60))
    old = NOW - timedelta(hours=20)
    put(
        lake,
        f"{source}-a.gz",
        gzip.compress(line(source, 1, ANNA)) + gzip.compress(line(source, 2, BERT)),
        old,
    )
    put(lake, f"{source}-b.csv", line(source, 1, ANNA) + line(source, 3, ANNA) + line(source, 4, ""))
    put(
        lake,
        f"{source}-c.gz",
        gzip.compress(line(source, 5, BERT) + future + f"torn;{ANNA};x,{source}-7\n".encode()),
    )
    put(lake, f"{source}-d.gz", gzip.compress(line(source, 8, ANNA) + many)[:-8])
    put(lake, f"{source}-e.csv", line(source, 2, BERT))
    _put_lists(lake.shop)
    record = base64.b64encode(line(source, 90, ANNA) + line(source, 91, BERT)).decode()
    lake.shop.s3.put_object(
        Bucket=lake.shop.bucket,
        Key=s3_layout.FIREHOSE_ERRORS + "processing-failed/2026/11/20/09/x",
        Body=json.dumps({"errorCode": "Lambda.Error", "rawData": record}).encode() + b"\n",
    )


def _put_lists(shop):
    rows = export.empty().to_pylist() + [
        {"key": customer_key(name), "for_you": ["10001"], "for_you_why": ["p"]} for name in (ANNA, BERT)
    ]
    export.write(shop.s3, shop.bucket, VERSION.customers, pa.Table.from_pylist(rows, export.SCHEMA))
    export.write(shop.s3, shop.bucket, VERSION.items, export.empty())
    known = Factors(
        0,
        pa.array([ANNA, BERT]),
        pa.array(["10001"]),
        np.eye(2, dtype=np.float32),
        np.ones((1, 2), np.float32),
    )
    shop.s3.put_object(Bucket=shop.bucket, Key=VERSION.model, Body=factors.dump(known))
    items = [{"id": customer_key(name), "version": str(VERSION)} for name in (ANNA, BERT)]
    part = b"".join(json.dumps(item).encode() + b"\n" for item in items)
    shop.s3.put_object(Bucket=shop.bucket, Key=Part(1, 1, 1).key, Body=gzip.compress(part))
    for item in items:
        served = {name: {"S": text} for name, text in item.items()}
        shop.dynamodb.put_item(TableName=shop.table, Item=served)


def take_in(lake):
    first = NOW - timedelta(hours=26)
    return ingest.ingest(
        lake.spark, lake.shop.s3, lake.shop.bucket, run=1, first=first, last=NOW, check_lease=lambda: None
    )


def ask(lake, customer):
    shop = lake.shop
    request = erasure.suppress(shop.s3, shop.bucket, lake.stack.artifacts, customer, NOW)
    shop.s3.put_object(Bucket=shop.bucket, Key=request.key, Body=json.dumps(asdict(request)).encode())
    return request


def carry_out(lake, check_lease=lambda: None):
    shop = lake.shop
    place = work.Place(
        lake.spark,
        shop.s3,
        shop.dynamodb,
        shop.bucket,
        shop.table,
        2,
        ZoneInfo("UTC"),
        check_lease,
        lambda _: None,
    )
    return work.carry_out(place)


def orders(lake, source):
    """What the table has of a source, wherever it landed."""
    rows = lake.spark.table(tables.full_name("orders")).where(f"event_id LIKE '{source}-%'").collect()
    return sorted((row.asDict() for row in rows), key=lambda row: row["event_id"])


def account(lake, source):
    rows = lake.spark.table(tables.full_name("ledger")).collect()
    found = ledger_accounts(row.asDict(recursive=True) for row in rows)
    return next(one for one in found if one.source == source)


def contents(lake):
    """Every byte of all buckets, with whatever packs it taken off."""
    s3 = lake.shop.s3
    for bucket in (lake.shop.bucket, lake.stack.artifacts, lake.tables_bucket):
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for found in page.get("Contents", ()):
                body = s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read()
                yield from ((found["Key"], form) for form in unpacked(found["Key"], body))


def unpacked(key, body):
    yield key.encode() + body
    if body[:2] == b"\x1f\x8b":
        yield inflated(body)
    if body[:4] == b"PAR1":
        file = parquet.ParquetFile(io.BytesIO(body))
        yield str(file.read().to_pylist()).encode()
        yield str(
            [file.metadata.row_group(n).to_dict() for n in range(file.metadata.num_row_groups)]
        ).encode()
    if body[:2] == b"PK":
        with np.load(io.BytesIO(body)) as held:
            yield str([held[name].tolist() for name in held.files]).encode()
    if body[:4] == b"Obj\x01":
        marker = body[-16:]
        for block in body.split(marker)[1:]:
            for start in range(min(12, len(block))):  # past the two numbers before the packed bytes
                try:
                    yield zlib.decompressobj(-15).decompress(block[start:])
                except zlib.error:
                    continue
    for packed in re.findall(rb'"rawData": "([^"]*)"', body):
        yield base64.b64decode(packed)


def inflated(body):
    """All that its gzip members hold, a damaged one's up to the damage: other tests put such there."""
    found, rest = bytearray(), body
    with suppress(zlib.error):
        while rest:
            member = zlib.decompressobj(31)
            for place in range(0, len(rest), 512):
                found += member.decompress(rest[place : place + 512])
                if member.eof:
                    break
            rest = member.unused_data + rest[place + 512 :]
    return bytes(found)


def holding(lake, customer):
    """The keys that hold the customer's id, or as much of it as Iceberg keeps in a manifest."""
    wanted = customer.encode()[:12]
    found = {key for key, content in contents(lake) if wanted in content}
    if "Item" in lake.shop.dynamodb.get_item(
        TableName=lake.shop.table, Key={"id": {"S": customer_key(customer)}}
    ):
        found.add("the table")
    return found


def leave_a_dead_runs_file(lake):
    """A data file with Anna's lines that no snapshot knows."""
    files = lake.spark.table(f"{tables.full_name('orders')}.files").collect()
    wanted = f"{NOW - timedelta(hours=3):%Y-%m-%d}"
    place = next(row["file_path"] for row in files if wanted in row["file_path"])
    bucket, _, key = place.removeprefix("s3://").partition("/")
    left = key.removesuffix(".parquet") + "-left.parquet"
    lake.shop.s3.copy_object(Bucket=bucket, Key=left, CopySource={"Bucket": bucket, "Key": key})


@pytest.fixture(scope="module")
def erased(spark, local_aws):
    """Anna is erased; what was there before, and her receipt."""
    lake, source = open_lake(spark, local_aws, f"erasure-{uuid.uuid4().hex}"), "till"
    fill(lake, source)
    take_in(lake)
    leave_a_dead_runs_file(lake)
    before = SimpleNamespace(orders=orders(lake, source), account=account(lake, source))
    assert len(holding(lake, ANNA)) > 9, "the search finds her while she is there"
    ask(lake, ANNA)
    (key,) = carry_out(lake)
    receipt = lake.shop.s3.get_object(Bucket=lake.shop.bucket, Key=key)["Body"].read()
    yield SimpleNamespace(lake=lake, source=source, before=before, receipt=receipt.decode())
    lake.shop.s3.close()
    lake.shop.dynamodb.close()


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


def test_killed_between_any_two_steps_it_ends_right_when_run_again(lake, source):
    fill(lake, source)
    take_in(lake)
    before = account(lake, source)
    ask(lake, ANNA)
    for allowed in itertools.count():
        left = itertools.chain([None] * allowed, itertools.repeat(KilledError()))

        def check(left=left):
            if problem := next(left):
                raise problem

        try:
            (key,) = carry_out(lake, check)
        except KilledError:
            continue
        break
    assert allowed > 10, "it was killed so often"
    assert holding(lake, ANNA) == set()
    after = account(lake, source)
    assert (before.landed, before.written, before.agrees) == (after.landed, after.written, after.agrees)
    assert Counter(after.fates) - Counter(before.fates) == {Fate.ERASED: 4}
    receipt = json.loads(lake.shop.s3.get_object(Bucket=lake.shop.bucket, Key=key)["Body"].read())
    assert receipt["removed"]["raw_lines"] == 5
    assert receipt["removed"]["orders"] == 3


def test_without_its_key_the_list_is_not_taken_for_empty(lake):
    ask(lake, ANNA)
    lake.shop.s3.delete_object(Bucket=lake.stack.artifacts, Key=s3_layout.ERASURE_KEY)
    with pytest.raises(erasure.SuppressionKeyMissingError, match="Restore"):
        erasure.suppression(lake.shop.s3, lake.shop.bucket)
