"""Arrival hours into the lake: which objects are new, in batches, and anew where asked. Called by ingest."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pyspark.sql import SparkSession

from contracts import erasure
from emr_jobs.erasure import raw_objects
from emr_jobs.lake import commits, iceberg, undertaking
from emr_jobs.lake.accounts import Ledger
from emr_jobs.lake.arrivals import list_arrivals, oldest_arrival
from emr_jobs.lake.forgetting import forget
from emr_jobs.lake.intake import Lake, batches, take
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
    lake = Lake(spark, s3, bucket, iceberg.layouts(spark), shop_zone, erasure.suppression(s3, bucket))
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
        if lake.suppression:  # some may be younger than their lines
            as_they_arrived = raw_objects.as_they_arrived(lake.s3, lake.bucket, listed.values())
            listed = {found.key: found for found in as_they_arrived}
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
