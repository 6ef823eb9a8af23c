"""The EMR step that turns raw objects into the lake: each landed line gets one fate, exactly once in effect.

No watermark: the arrival hours asked for, minus the objects the ledger has. Commits in this order: orders,
rejects, ledger; a kill between any two ends right when run again.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import boto3
from pyspark.sql import SparkSession

from contracts import lease
from emr_jobs.lake import commits, iceberg, undertaking
from emr_jobs.lake.accounts import Ledger
from emr_jobs.lake.arrivals import list_arrivals, oldest_arrival
from emr_jobs.lake.forgetting import forget
from emr_jobs.lake.intake import Lake, batches, take
from emr_jobs.lake.maintenance import maintain
from emr_jobs.lake.objects import RawObject
from emr_jobs.lake.undertaking import Undertaking

UTC_ZONE = ZoneInfo("UTC")
WINDOW = timedelta(hours=26)  # a day of Firehose's own retries, and the hour on either side


@dataclass(frozen=True, slots=True)
class Ingested:
    """What a run took in; fates by count."""

    objects: int = 0
    known: int = 0
    fates: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: "Ingested") -> "Ingested":
        return Ingested(self.objects + other.objects, self.known + other.known, self.fates + other.fates)

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

    def report(text: object) -> None:
        print(f"ingest: {text} ({time.monotonic() - began:.1f} s)", flush=True)

    try:
        check_lease()
        taken = ingest(
            spark,
            boto3.client("s3"),
            options.bucket,
            run=options.run,
            first=options.rebuild.first if options.rebuild else options.first,
            last=options.rebuild.last if options.rebuild else options.last,
            anew=bool(options.rebuild),
            check_lease=check_lease,
            shop_zone=options.shop_zone,
            report=report,
        )
        report(taken)
        maintain(spark, check_lease, datetime.now(UTC), report)
    except (lease.LeaseLostError, iceberg.OtherColumnsError) as error:
        print(f"ingest: {error}", file=sys.stderr)
        return 1
    finally:
        spark.stop()
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
    anew: bool = False,
) -> Ingested:
    """Every object of these arrival hours that the ledger does not have, into the three tables.

    Without `first`: from 26 hours before the last run, or from the oldest object where there was none, so
    that hours in which nothing ran are caught up. With `anew`, also what the ledger has is read again.
    """
    _prepare(spark, s3, bucket, check_lease, report)
    lake = Lake(spark, s3, bucket, iceberg.layouts(spark), shop_zone)
    left = undertaking.pending(s3, bucket)
    asked = Undertaking(first or _first_hour(lake, last, anew), last, anew)
    taken = Ingested()
    for hours in (left, asked) if left else (asked,):
        taken += _undertake(lake, hours, run, check_lease, report)
    return taken


def _undertake(
    lake: Lake, hours: Undertaking, run: int, check_lease: Callable[[], None], report: Callable[[str], None]
) -> Ingested:
    listed = {found.key: found for found in list_arrivals(lake.s3, lake.bucket, hours.first, hours.last)}
    known = _known(lake, hours, listed, report)
    if hours.anew:
        undertaking.begin(lake.s3, lake.bucket, hours)
        forget(lake.spark, known, check_lease)
        report(f"{len(known):,} objects are read anew")
        known = set()
    shares = list(batches([listed[key] for key in sorted(listed.keys() - known)]))
    if len(shares) > 1:
        undertaking.begin(lake.s3, lake.bucket, hours)
    taken = Ingested(known=len(known))
    for share in shares:
        size = sum(found.bytes for found in share) / 2**20
        report(f"{len(share):,} new objects to read, {size:,.1f} MiB")
        taken += Ingested(len(share), 0, take(lake, share, run, check_lease, report))
    undertaking.end(lake.s3, lake.bucket)
    return taken


def _known(
    lake: Lake, hours: Undertaking, listed: Mapping[str, RawObject], report: Callable[[str], None]
) -> set[str]:
    """The listed objects that the ledger has; what changed since they were taken is told."""
    etags = Ledger.read(lake.spark, lake.s3, lake.layouts["ledger"]).etags()
    known = listed.keys() & etags.keys()
    changed = sorted(key for key in known if listed[key].etag != etags[key])
    if changed and not hours.anew:
        report(
            f"{len(changed):,} objects are not what they were when they were taken, s3://{lake.bucket}/"
            f"{changed[0]} among them: `cadabra retrain --rebuild DAY` reads a day anew"
        )
    return known


def _prepare(
    spark: SparkSession, s3: Any, bucket: str, check_lease: Callable[[], None], report: Callable[[str], None]
) -> None:
    """The tables are there, and what an interrupted run had begun to commit is in them."""
    iceberg.make_tables(spark)
    if plan := commits.finish(spark, s3, bucket, check_lease):
        report(f"finished what was interrupted: {len(plan.files)} files of {plan.token}")


def _first_hour(lake: Lake, last: datetime, anew: bool) -> datetime:
    oldest = oldest_arrival(lake.s3, lake.bucket) or last
    if anew:
        return oldest
    newest = Ledger.read(lake.spark, lake.s3, lake.layouts["ledger"]).newest_run() or oldest
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
        "--rebuild",
        type=_days,
        metavar="DAY",
        help="read what arrived on this day anew, as 2026-11-20, or all of it: all",
    )
    parser.add_argument(
        "--shop-zone", type=_zone, default=UTC_ZONE, help="the zone of times that name none (UTC)"
    )
    return parser.parse_args(arguments)


@dataclass(frozen=True, slots=True)
class Days:
    first: datetime | None  # None: the oldest there is
    last: datetime


def _days(text: str) -> Days:
    if text == "all":
        return Days(None, datetime.now(UTC))
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a day such as 2026-11-20 nor all") from error
    return Days(day, day + timedelta(hours=23))


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError) as error:  # unknown, no name at all, a folder of names
        raise argparse.ArgumentTypeError(f"{text!r} is no time zone such as Europe/London") from error


def _hour(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main())
