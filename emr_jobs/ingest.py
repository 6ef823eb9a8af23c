"""The EMR step that turns raw objects into the lake: each landed line gets one fate, exactly once in effect.

No watermark: the arrival hours asked for, minus the objects the ledger has. Commits in this order: orders,
rejects, ledger; a kill between any two ends right when run again.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import boto3
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from contracts import lease
from emr_jobs.lake import accounts, landing, tables, verdicts
from emr_jobs.lake.arrivals import list_arrivals, oldest_arrival
from emr_jobs.lake.objects import RawObject, blocks, read_pieces
from emr_jobs.lake.order_rows import landed_rows

UTC_ZONE = ZoneInfo("UTC")
WINDOW = timedelta(hours=26)  # a day of Firehose's own retries, and the hour on either side


@dataclass(frozen=True, slots=True)
class Ingested:
    """What a run took in; fates by count."""

    objects: int
    known: int
    fates: Counter[str]

    def __str__(self) -> str:
        fates = ", ".join(f"{count:,} {fate}" for fate, count in self.fates.items() if count)
        return f"{self.objects} new objects ({self.known} known already): {fates or 'no lines'}"


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    began = time.monotonic()
    spark = SparkSession.builder.appName("cadabra ingest").getOrCreate()
    dynamodb = boto3.client("dynamodb")

    def check_lease() -> None:
        lease.check(dynamodb, options.table, options.run, int(time.time()))

    try:
        check_lease()
        taken = ingest(
            spark,
            boto3.client("s3"),
            options.bucket,
            run=options.run,
            first=options.first,
            last=options.last,
            check_lease=check_lease,
            shop_zone=options.shop_zone,
            report=lambda text: print(f"ingest: {text} ({time.monotonic() - began:.1f} s)", flush=True),
        )
    except lease.LeaseLostError as error:
        print(f"ingest: {error}", file=sys.stderr)
        return 1
    finally:
        spark.stop()
    print(f"ingest: {taken} ({time.monotonic() - began:.1f} s)", flush=True)
    return 0


def ingest(
    spark: SparkSession,
    s3: Any,
    bucket: str,
    *,
    run: int,
    first: datetime | None,
    last: datetime,
    check_lease: Callable[[], None],
    shop_zone: ZoneInfo = UTC_ZONE,
    report: Callable[[str], None] = lambda _: None,
) -> Ingested:
    """Every object of these arrival hours that the ledger does not have, into the three tables.

    Without `first`: from 26 hours before the last run, or from the oldest object where there was none, so
    that hours in which nothing ran are caught up.
    """
    for table in tables.TABLES:
        spark.sql(tables.create_statement(table))
    first = first or _first_hour(spark, s3, bucket, last)
    done = accounts.known_objects(spark, first)
    listed = {found.key: found for found in list_arrivals(s3, bucket, first, last)}
    fresh = [listed[key] for key in sorted(listed.keys() - done)]
    if not fresh:
        return Ingested(0, len(done), Counter())
    size = sum(found.bytes for found in fresh) / 2**20
    report(f"{len(fresh):,} new objects to read, {size:,.1f} MiB")
    landed = read_landed(spark, bucket, fresh, shop_zone).persist()
    # Fixed before the first commit: what is stored must not change under the judgement while it is written.
    days = landing.days_touched(landed)
    known = verdicts.kept(landed, landing.stored(spark, days)).localCheckpoint()
    judged = verdicts.judge(landed, known)
    try:
        report(f"read, {known.count():,} ids came twice or are stored already")
        landing.commit_orders(judged, check_lease)
        report("orders committed")
        landing.commit_rejects(judged, check_lease)
        fates = accounts.commit_ledger(spark, landed, judged, days, fresh, run, check_lease)
    finally:
        landed.unpersist()
    return Ingested(len(fresh), len(done), fates)


def _first_hour(spark: SparkSession, s3: Any, bucket: str, last: datetime) -> datetime:
    newest = accounts.newest_run(spark) or oldest_arrival(s3, bucket) or last
    return min(newest, last) - WINDOW


def read_landed(spark: SparkSession, bucket: str, found: list[RawObject], zone: ZoneInfo) -> DataFrame:
    """Every line of these objects as a row (order_rows.LANDED); the objects are dealt out evenly."""
    columns = "key string, etag string, bytes bigint, arrived timestamp, modified timestamp"
    rows = [(item.key, item.etag, item.bytes, item.arrived, item.modified) for item in found]
    listing = spark.createDataFrame(rows, columns).repartition(min(len(rows), 8 * _cores(spark)))

    def read(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        for batch in batches:
            for row in batch.to_pylist():
                pieces = read_pieces(bucket, row["key"])
                yield from landed_rows(RawObject(**row), blocks(pieces), zone)

    return listing.mapInArrow(read, landing.LANDED_DDL)


def _cores(spark: SparkSession) -> int:
    return spark.sparkContext.defaultParallelism


def _options(arguments: list[str] | None) -> argparse.Namespace:
    now = datetime.now(UTC)
    parser = argparse.ArgumentParser(prog="ingest", description=__doc__.partition("\n")[0])
    parser.add_argument("--bucket", required=True, help="the bucket of raw orders and of the lake")
    parser.add_argument("--table", required=True, help="the DynamoDB table that holds the run lease")
    parser.add_argument("--run", required=True, type=int, help="this run's lease number")
    parser.add_argument(
        "--first",
        type=_hour,
        help="first arrival hour, as 2026-11-20T09 (26 hours before the last run)",
    )
    parser.add_argument("--last", type=_hour, default=now, help="last arrival hour (this one)")
    parser.add_argument(
        "--shop-zone", type=ZoneInfo, default=UTC_ZONE, help="the zone of times that name none (UTC)"
    )
    return parser.parse_args(arguments)


def _hour(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main())
