"""A small shop's orders, and retrain's runs over them: for tests of what a run makes of orders."""

import json
import time
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from contracts import lease, publications
from contracts.lists import from_dynamo, from_plain
from contracts.s3_layout import Version
from emr_jobs import retrain
from emr_jobs.als.drivers import ALONE
from emr_jobs.asked import Run
from emr_jobs.settings import Settings
from emr_jobs.settings_file import Chosen

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LONG_S = 60.0
DEFAULTS = Settings()
ORDER_SCHEMA = pa.schema(
    [
        ("customer", pa.string()),
        ("stock_code", pa.string()),
        ("invoice", pa.string()),
        ("quantity", pa.int32()),
        ("time", pa.timestamp("us", "UTC")),
        ("unit_price", pa.float32()),
        ("fate", pa.string()),
    ]
)


def sale(customer, code, invoice, hours):
    """An order line so many hours before noon."""
    return {
        "customer": customer,
        "stock_code": code,
        "invoice": invoice,
        "quantity": 1,
        "time": NOON - timedelta(hours=hours),
        "unit_price": 1.5,
        "fate": "sale" if customer else "guest",
    }


# Ann and Bob buy alike, but for 10003; Cid buys other things. 10001 and 10002 share three invoices.
ORDERS = (
    sale("ann", "10001", "1", 400),
    sale("ann", "10002", "1", 400),
    sale("ann", "10001", "2", 64),
    sale("bob", "10001", "3", 30),
    sale("bob", "10002", "3", 30),
    sale("bob", "10003", "3", 30),
    sale("cid", "20001", "4", 20),
    sale("cid", "20002", "4", 20),
    sale("", "10001", "5", 3),
    sale("", "10002", "5", 3),
)


def begin(shop, cluster="j-test"):
    """A run that holds the lease, begun at noon."""
    taken = lease.take(shop.dynamodb, shop.table, int(time.time()))
    lease.start(shop.dynamodb, shop.table, taken, cluster, int(time.time()) + 3_600)
    return Run(taken.number, as_of=None, began=NOON, seed=0, wait_seconds=LONG_S)


def go(shop, run, lines=ORDERS, settings=DEFAULTS, trainer=ALONE):
    def before(time):
        return pa.Table.from_pylist([line for line in lines if line["time"] < time], ORDER_SCHEMA)

    retrain.retrain(shop, run, Chosen(settings, "a test"), before, lambda _pairs: trainer)
    lease.release(shop.dynamodb, shop.table, run.number)


def served(shop, key):
    item = shop.dynamodb.get_item(TableName=shop.table, Key={"id": {"S": key}}).get("Item")
    return from_plain(from_dynamo(item)).lists if item else None


def codes(entries):
    return {entry.code for entry in entries}


def card(shop, version):
    return json.loads(shop.s3.get_object(Bucket=shop.bucket, Key=version.card)["Body"].read())


def live_version(shop):
    return Version.parse(publications.read(shop.dynamodb, shop.table).live_version)
