"""The public Online Retail file the whole way: replay, agent, Firehose, S3, ingest.

What each line must become is told here from the file alone, by rules written down a second time.
"""

import csv
import gzip
import json
import lzma
import os
import re
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import boto3
import pyarrow as pa
import pytest

from contracts import s3_layout
from emr_jobs.lake import hours
from firehose.delivery.embedded import endpoint
from infra.lake import ledger
from infra.lake import tables as lake_tables
from log_generator.__main__ import main as log_generator

FILE = os.environ.get("ONLINE_RETAIL", "")
SOAK = bool(os.environ.get("CADABRA_SOAK"))
STREAM = "orders"
DEADLINE_SECONDS = 300
AGAIN = 2  # objects that come a second time
WINDOWS, WINDOW_LINES = 39, 500  # all over the file, and every invoice of bad debt
# What a real export may hold besides orders: each is to be rejected for the reason at its side.
SOILED = {
    "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country": "header",
    "536365,85123A,HOLDER,six,12/1/2010 8:26,2.55,17850,United Kingdom": "quantity",
    "536365,85123A,HOLDER,0,12/1/2010 8:26,2.55,17850,United Kingdom": "quantity",
    "536365,85123A,HOLDER,6,13/13/2010 8:26,2.55,17850,United Kingdom": "time",
    "536365,85123A,HOLDER,6,12/1/2010 8:26,two,17850,United Kingdom": "unit_price",
    ",85123A,HOLDER,6,12/1/2010 8:26,2.55,17850,United Kingdom": "invoice",
    "536365,,HOLDER,6,12/1/2010 8:26,2.55,17850,United Kingdom": "stock_code",
    "536365,85123A,HOLDER,6,12/1/2010 8:26,2.55": "columns",
    "536365,85123A,HOLDER,6,12/1/2010 8:26,2.55,?,United Kingdom": "customer",
    "536365,85123A,HOLDER,6,12/1/2090 8:26,2.55,17850,United Kingdom": "future",
}

pytestmark = pytest.mark.skipif(
    not FILE,
    reason="ONLINE_RETAIL is not set: the path of the Online Retail file as CSV, plain or xz or gz. Anyone "
    "can have it from the UCI repository, https://archive.ics.uci.edu/dataset/352/online+retail",
)


def fate(line):
    """What the shop's rules make of a line of the public file."""
    if line in SOILED:
        return f"rejected: {SOILED[line]}"
    invoice, code, _, quantity, _, _, customer, _ = next(csv.reader([line]))
    if not re.fullmatch(r"\d{5}[A-Z]*|DCGS\w+", code.strip().upper()):
        return "fee"
    if invoice.upper().startswith("C") or int(quantity) < 0:
        return "return"
    return "sale" if customer else "guest"


def order(line):
    """The fields as the lake is to hold them."""
    invoice, code, description, quantity, time, price, customer, country = next(csv.reader([line]))
    return (
        invoice.strip().upper(),
        code.strip().upper(),
        description.strip(),
        int(quantity),
        datetime.strptime(time, "%m/%d/%Y %H:%M").replace(tzinfo=UTC),
        Decimal(price),
        customer,
        country.strip(),
    )


def whole_file():
    opened = {".xz": lzma.open, ".gz": gzip.open}.get(Path(FILE).suffix, open)
    with opened(FILE, "rt", encoding="utf-8") as file:
        header, *lines = file.read().splitlines()
    return header, lines


@pytest.fixture(scope="module")
def public_file():
    return whole_file()


def mixed_slice(lines):
    """Windows from all over the file, its bad debts, and soiled lines between them."""
    step = len(lines) // WINDOWS
    chosen = [
        line for start in range(0, step * WINDOWS, step) for line in lines[start : start + WINDOW_LINES]
    ]
    chosen += [line for line in lines if line[0] in "AB"]
    for place, line in enumerate(SOILED):
        chosen.insert(1000 * (place + 1), line)
    return chosen


class Shop:
    """One replay of lines: its log, and where they land."""

    def __init__(self, folder, bucket, arrived):
        self.folder, self.bucket, self.arrived = folder, bucket, arrived
        self.s3 = boto3.client("s3")

    def replay(self, header, lines):
        path = self.folder / "orders.csv"
        path.write_text("\n".join([header, *lines]) + "\n")
        assert log_generator(["replay", str(path), "--out", str(self.folder / "logs")]) == 0

    def ship(self):
        """The agent and a local Firehose, until everything is in S3 in the hour `arrived`."""
        offset = time.time() - self.arrived.timestamp()
        with endpoint(
            self.folder / "delivery", s3=lambda: self.s3, clock=lambda: time.time() - offset
        ) as firehose:
            stream = firehose.make(
                STREAM,
                self.bucket,
                Prefix=s3_layout.FIREHOSE_PREFIX,
                ErrorOutputPrefix=s3_layout.FIREHOSE_ERROR_PREFIX,
                CompressionFormat="GZIP",
                BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 0},
            )
            agent = subprocess.run(
                [sys.executable, "-m", "firehose.agent", "-c", str(self._config()), "--until-idle"],
                env={**os.environ, "AWS_ENDPOINT_URL_FIREHOSE": firehose.url},
                capture_output=True,
                text=True,
                check=False,
            )
            assert agent.returncode == 0, agent.stderr
            deadline = time.monotonic() + DEADLINE_SECONDS
            while stream.spool.segments():
                assert time.monotonic() < deadline, "S3 has not all"
                time.sleep(0.01)

    def _config(self):
        flow = {
            "filePattern": str(self.folder / "logs" / "orders.log*"),
            "deliveryStream": STREAM,
            "initialPosition": "START_OF_FILE",
            "aggregatedRecordSizeBytes": 100_000,
        }
        path = self.folder / "agent.json"
        checkpoint = str(self.folder / "checkpoint")
        path.write_text(
            json.dumps({"cloudwatch.emitMetrics": False, "checkpointFile": checkpoint, "flows": [flow]})
        )
        return path

    def objects(self):
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=s3_layout.arrival_prefix(self.arrived))
        return {
            entry["Key"]: self.s3.get_object(Bucket=self.bucket, Key=entry["Key"])["Body"].read()
            for entry in listed["Contents"]
        }

    def ingest(self, spark):
        return hours.ingest(
            spark,
            self.s3,
            self.bucket,
            run=1,
            first=self.arrived,
            last=self.arrived,
            check_lease=lambda: None,
        )

    def stored(self, table):
        """The table's rows of this shop's objects, in their order."""
        prefix = s3_layout.arrival_prefix(self.arrived)
        rows = lake_tables.read(table)
        own = rows.filter(pa.compute.starts_with(rows["object"], prefix))
        return own.sort_by([("object", "ascending"), *([("line", "ascending")] if table != "ledger" else [])])


@pytest.fixture
def shop(spark, local_aws, tmp_path, request):
    spark.sql(f"CREATE NAMESPACE IF NOT EXISTS lake.{lake_tables.DATABASE}")
    hour = datetime(2012, 1, 1, request.node.callspec.indices["size"], tzinfo=UTC)
    made = Shop(tmp_path, local_aws.lake_bucket, hour)
    yield made
    made.s3.close()


@pytest.mark.parametrize(
    "size",
    [
        "slice",
        pytest.param(
            "whole", marks=pytest.mark.skipif(not SOAK, reason="CADABRA_SOAK is not set: make soak")
        ),
    ],
)
def test_every_line_of_the_public_file_gets_its_fate_once(spark, shop, public_file, size):
    header, lines = public_file
    if size == "slice":
        lines = mixed_slice(lines)
    shop.replay(header, lines)
    shop.ship()
    expected = Counter(map(fate, lines))
    assert {"sale", "return", "fee", "guest"} < expected.keys() or size == "whole"
    taken = shop.ingest(spark)
    assert taken.objects == len(shop.objects())
    assert taken.fates["duplicate"] == 0  # lines that are the same twice were ordered twice
    assert sum(taken.fates.values()) == len(lines)
    orders, rejects = shop.stored("orders"), shop.stored("rejects")
    found = Counter(orders["fate"].to_pylist())
    found.update(f"rejected: {reason}" for reason in rejects["reason"].to_pylist())
    assert found == expected
    assert len(set(orders["event_id"].to_pylist())) == len(orders)
    held = Counter(zip(*(orders[name].to_pylist() for name in orders.column_names[:8]), strict=True))
    assert held == Counter(order(line) for line in lines if line not in SOILED)
    agree(shop, len(lines))

    assert_nothing_changes(spark, shop)
    assert_only_duplicates_grow(spark, shop)
    agree(shop, len(lines))


def assert_nothing_changes(spark, shop):
    """When ingest runs again."""
    before = [shop.stored(table) for table in lake_tables.TABLES]
    again = shop.ingest(spark)
    assert (again.objects, again.fates) == (0, Counter())
    assert [shop.stored(table) for table in lake_tables.TABLES] == before


def assert_only_duplicates_grow(spark, shop):
    """When the first objects come again, their lines doubled."""
    orders, rejects, accounts = (shop.stored(table) for table in ("orders", "rejects", "ledger"))
    for place, body in enumerate(list(shop.objects().values())[:AGAIN]):
        key = f"{s3_layout.arrival_prefix(shop.arrived)}zz-again-{place}.gz"
        shop.s3.put_object(Bucket=shop.bucket, Key=key, Body=body * 2)
    doubled = shop.ingest(spark)
    assert {fate for fate, count in doubled.fates.items() if count} == {"duplicate"}
    assert doubled.fates["duplicate"] == 2 * sum(accounts["landed"].to_pylist()[:AGAIN])
    assert shop.stored("orders") == orders
    assert shop.stored("rejects") == rejects
    assert shop.stored("ledger").slice(0, len(accounts)) == accounts


def agree(shop, written):
    """The ledger's two equations hold, and the file's lines are what was written."""
    (account,) = ledger.accounts(shop.stored("ledger").to_pylist())
    assert account.agrees, account.complaint()
    assert account.written == written
