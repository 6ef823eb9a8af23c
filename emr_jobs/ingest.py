"""The EMR step that turns raw objects into the lake: each landed line gets one fate, exactly once in effect.

No watermark: the arrival hours asked for, minus the objects the ledger has. Commits in this order: orders,
rejects, ledger; a kill between any two ends right when run again.
"""

import argparse
import sys
import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import boto3
from pyspark.sql import SparkSession

from contracts import arguments, erasure, lease
from emr_jobs.erasure import places, work
from emr_jobs.lake import iceberg
from emr_jobs.lake.hours import UTC_ZONE, ingest
from emr_jobs.lake.maintenance import maintain
from emr_jobs.lake.objects import patient_s3

# What a person can do something about.
FAILURES = (
    lease.LeaseLostError,
    iceberg.OtherColumnsError,
    erasure.SuppressionKeyMissingError,
    places.UnreadableFileError,
)


def main(given: list[str] | None = None) -> int:
    options = _options(given)
    began = time.monotonic()
    spark = SparkSession.builder.appName("cadabra ingest").getOrCreate()
    dynamodb = boto3.client("dynamodb")

    def check_lease() -> None:
        lease.check(dynamodb, options.table, options.run, int(time.time()))

    def report(text: object) -> None:
        print(f"ingest: {text} ({time.monotonic() - began:.1f} s)", flush=True)

    s3 = patient_s3()
    where = work.Place(
        spark,
        s3,
        dynamodb,
        options.bucket,
        options.table,
        options.run,
        options.shop_zone,
        check_lease,
        report,
    )
    try:
        check_lease()
        work.carry_out(where)
        taken = ingest(
            spark,
            s3,
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
    except FAILURES as error:
        print(f"ingest: {error}", file=sys.stderr)
        return 1
    finally:
        spark.stop()
    return 0


def _options(given: list[str] | None) -> argparse.Namespace:
    now = datetime.now(UTC)
    parser = argparse.ArgumentParser(prog="ingest", description=__doc__.partition("\n")[0])
    parser.add_argument("--bucket", required=True, help="the bucket of raw orders and of the lake")
    parser.add_argument("--table", required=True, help="the DynamoDB table that holds the run lease")
    parser.add_argument("--run", required=True, type=int, help="this run's lease number")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--first",
        type=arguments.hour,
        help="first arrival hour, as 2026-11-20T09 (26 hours before the last run)",
    )
    parser.add_argument("--last", type=arguments.hour, default=now, help="last arrival hour (this one)")
    which.add_argument(
        "--rebuild",
        type=arguments.days,
        metavar="DAY",
        help="read what arrived on this day anew, as 2026-11-20, or all of it: all",
    )
    parser.add_argument(
        "--shop-zone", type=_zone, default=UTC_ZONE, help="the zone of times that name none (UTC)"
    )
    return parser.parse_args(given)


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError) as error:  # unknown, no name at all, a folder of names
        raise argparse.ArgumentTypeError(f"{text!r} is no time zone such as Europe/London") from error


if __name__ == "__main__":
    sys.exit(main())
