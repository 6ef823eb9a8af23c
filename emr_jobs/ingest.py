"""The EMR step that turns raw objects into the lake: each landed line gets one fate, exactly once in effect.

No watermark: the arrival hours asked for, minus the objects the ledger has. Commits in this order: orders,
rejects, ledger; a kill between any two ends right when run again.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import boto3
from pyspark.sql import SparkSession

from contracts import lease
from emr_jobs.lake import accounts, commits, iceberg, tables
from emr_jobs.lake.arrivals import list_arrivals, oldest_arrival
from emr_jobs.lake.intake import Lake, batches, take

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
    _prepare(spark, s3, bucket, check_lease, report)
    lake = Lake(spark, s3, bucket, iceberg.layouts(spark), shop_zone)
    first = first or _first_hour(spark, s3, bucket, last)
    done = accounts.known_objects(spark, first)
    listed = {found.key: found for found in list_arrivals(s3, bucket, first, last)}
    fresh = [listed[key] for key in sorted(listed.keys() - done)]
    fates = Counter[str]()
    for batch in batches(fresh):
        size = sum(found.bytes for found in batch) / 2**20
        report(f"{len(batch):,} new objects to read, {size:,.1f} MiB")
        fates += take(lake, batch, run, check_lease, report)
    return Ingested(len(fresh), len(done), fates)


def _prepare(
    spark: SparkSession, s3: Any, bucket: str, check_lease: Callable[[], None], report: Callable[[str], None]
) -> None:
    """The tables are there, and what an interrupted run had begun to commit is in them."""
    for table in tables.TABLES:
        spark.sql(tables.create_statement(table))
    if plan := commits.finish(spark, s3, bucket, check_lease):
        report(f"finished what was interrupted: {len(plan.files)} files of {plan.token}")


def _first_hour(spark: SparkSession, s3: Any, bucket: str, last: datetime) -> datetime:
    newest = accounts.newest_run(spark) or oldest_arrival(s3, bucket) or last
    return min(newest, last) - WINDOW


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
