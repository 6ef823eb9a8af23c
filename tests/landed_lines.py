"""Order lines that land in the lake's bucket, and what ingest makes of them with the session's Spark."""

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import boto3

from contracts import s3_layout
from contracts.order_line import OrderLine, format_line
from emr_jobs.lake import hours, tables

NOW = datetime.now(UTC).replace(microsecond=0)


def line(source, sequence, **changes):
    values = {
        "invoice": "500001",
        "stock_code": "10001",
        "description": "Lamp, small",
        "quantity": 2,
        "time": NOW - timedelta(days=1),
        "unit_price": Decimal("2.50"),
        "customer": "c1",
        "country": "France",
        "event_id": f"{source}-{sequence}",
    }
    return format_line(OrderLine(**values | changes))


def put(bucket, name, content, hour=NOW):
    key = s3_layout.arrival_prefix(hour) + name
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=content)
    return key


def run(spark, bucket, **options):
    return hours.ingest(
        spark,
        boto3.client("s3"),
        bucket,
        **{"run": 1, "first": NOW - timedelta(hours=26), "last": NOW, "check_lease": lambda: None} | options,
    )


def stored(spark, table, source):
    rows = spark.table(tables.full_name(table)).where(f"event_id LIKE '{source}-%'")
    return sorted((row.asDict() for row in rows.collect()), key=lambda row: (row["object"], row["line"]))


def ledger(spark, key):
    rows = spark.table(tables.full_name("ledger")).where(f"object = '{key}'").collect()
    assert len(rows) == 1
    return rows[0].asDict(recursive=True)


class KilledError(Exception):
    pass


def killed_at(call):
    """A check of the lease that ends the run the given time it is asked."""
    calls = itertools.count(1)

    def check_lease():
        if next(calls) == call:
            raise KilledError

    return check_lease


def fates(spark, source):
    rows = spark.table(tables.full_name("ledger")).selectExpr("object", "inline(sources)").collect()
    own = [row.asDict(recursive=True) for row in rows if row["source"] == source]
    return sorted(own, key=lambda row: row["object"])
