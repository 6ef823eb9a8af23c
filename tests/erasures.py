"""Two customers in a lake of everything that is made of their orders, and one of them erased."""

import base64
import gzip
import json
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import boto3
import numpy as np
import pyarrow as pa

from contracts import erasure, s3_layout
from contracts.lists import customer_key
from contracts.order_line import OrderLine, format_line
from contracts.s3_layout import Part, Version
from emr_jobs import factors, ingest
from emr_jobs.erasure import work
from emr_jobs.factors import Factors
from emr_jobs.lake import tables
from emr_jobs.lists import export
from emr_jobs.shop import Shop
from infra.lake.ledger import accounts as ledger_accounts
from tests.conftest import make_place

NOW = datetime.now(UTC).replace(microsecond=0)
ANNA, BERT = "anna-4711@home", "bert-0815@home"
VERSION = Version(NOW, 1)


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


@contextmanager
def opened(spark, tables_bucket):
    """A bucket of raw orders, one of artifacts and a table, beside the tables of the session's lake."""
    place = make_place()
    s3, dynamodb = boto3.client("s3"), boto3.client("dynamodb")
    s3.create_bucket(Bucket=f"{place}-artifacts")
    stack = SimpleNamespace(bucket=place, table=place, artifacts=f"{place}-artifacts")
    shop = Shop(s3, dynamodb, place, place)
    yield SimpleNamespace(shop=shop, stack=stack, tables_bucket=tables_bucket, spark=spark)
    s3.close()
    dynamodb.close()


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
