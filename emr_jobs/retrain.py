"""The EMR step that turns the lake's orders into lists that are live: train, rank, gate, export, publish.

Its steps stand in `retrain`; each is a module beside it. It gives the run's lease back at the end.
"""

import argparse
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import boto3
import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from contracts import lease, publications
from contracts.s3_layout import Version
from emr_jobs import card, export, factors, gate, model, publication, rehearsal, served
from emr_jobs.card import Card, describe
from emr_jobs.factors import Factors, FactorsUnreadableError
from emr_jobs.gate import Coverage, Verdict
from emr_jobs.lake import tables
from emr_jobs.model import Model
from emr_jobs.orders import COLUMNS, USED_FATES, Orders, epoch, from_arrow
from emr_jobs.publication import Shop
from emr_jobs.settings import Settings
from emr_jobs.stages import Stages

UNSETTLED = timedelta(minutes=15)  # orders this young may still be on their way


class NoOrdersError(RuntimeError):
    """There is nothing to learn from."""


@dataclass(frozen=True, slots=True)
class Run:
    number: int
    as_of: datetime | None  # None: the end of the newest hour with orders
    began: datetime
    seed: int
    wait_seconds: float


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    run = Run(options.run, options.as_of, options.began, options.seed, options.wait)
    shop = Shop(boto3.client("s3"), boto3.client("dynamodb"), options.bucket, options.table)
    compiling = rehearsal.begin()
    try:
        try:
            retrain(shop, run, Settings(), _read_with_new_spark, compiling)
        finally:
            lease.release(shop.dynamodb, shop.table, run.number)
    except (NoOrdersError, lease.LeaseLostError, *publication.FAILURES) as error:
        print(f"retrain: {error}", file=sys.stderr)
        return 1
    return 0


def retrain(
    shop: Shop,
    run: Run,
    settings: Settings,
    read_orders: Callable[[datetime], pa.Table],
    compiling: threading.Thread | None = None,
) -> None:
    """The steps in order; `read_orders` gives the order lines from before a time, as orders.COLUMNS."""
    stages = Stages("retrain")
    check_lease(shop, run)
    orders, as_of = _orders(run, read_orders)
    version = Version(as_of, run.number)
    counts = f"{len(orders):,} lines, {len(orders.customers):,} customers, {len(orders.items):,} items"
    stages.done("orders", counts)
    live = _live(shop)
    last, start = _last_factors(shop, live)
    if compiling:
        compiling.join()
    fitted = model.fit(orders, epoch(as_of), settings, run.seed, last)
    if last and not fitted.warm:
        start = f"cold: {live} knows too few of the names"
    stages.done("training", f"{start}; loss {_losses(fitted)}")
    customers = served.customer_rows(fitted, settings)
    items = served.item_rows(orders, fitted, settings)
    stages.done("lists", f"{customers.num_rows:,} customers, {items.num_rows:,} items")
    coverage = served.coverage(customers)
    verdict = gate.judge(coverage, _live_coverage(shop, live), settings)
    check_lease(shop, run)
    export.write(shop.s3, shop.bucket, version.customers, customers)
    export.write(shop.s3, shop.bucket, version.items, items)
    shop.s3.put_object(Bucket=shop.bucket, Key=version.model, Body=factors.dump(fitted.factors))
    training = {"start": start, "losses": fitted.losses}
    card.write(
        shop.s3,
        shop.bucket,
        version,
        Card(
            str(version),
            as_of.isoformat(),
            run.number,
            run.seed,
            describe(orders),
            coverage,
            training,
            settings,
            verdict,
            stages.seconds,
        ),
    )
    stages.done("export", str(version))
    _publish(shop, run, version, verdict, stages)


def _publish(shop: Shop, run: Run, version: Version, verdict: Verdict, stages: Stages) -> None:
    """Put the version live, or say why it is not."""
    for reason in verdict.reasons:
        stages.say(f"gate: {'passed, but' if verdict.passed else 'refused:'} {reason}")
    if not verdict.passed:
        stages.say(f"{version} is not published: the last lists stay live")
        return
    check_lease(shop, run)
    deadline = time.monotonic() + run.wait_seconds
    live = publication.publish(shop, version, full=False, deadline=deadline, report=stages.say)
    stages.done("publication", f"{version} is live as publication {live.live_number}")


def check_lease(shop: Shop, run: Run) -> None:
    lease.check(shop.dynamodb, shop.table, run.number, int(time.time()))


def end_of_newest_hour(orders: Orders, cap: datetime) -> datetime:
    """The end of the newest hour with orders, or the cap where that is earlier."""
    newest = datetime.fromtimestamp(int(orders.seconds.max()), UTC)
    return min(newest.replace(minute=0, second=0) + timedelta(hours=1), cap)


def _orders(run: Run, read_orders: Callable[[datetime], pa.Table]) -> tuple[Orders, datetime]:
    cap = run.as_of or (run.began - UNSETTLED).replace(microsecond=0)
    orders = from_arrow(read_orders(cap))
    if not len(orders):
        raise NoOrdersError(
            f"the lake holds no orders from before {cap:%Y-%m-%d %H:%M} UTC: ship some, ingest lands them"
        )
    return orders, run.as_of or end_of_newest_hour(orders, cap)


def read_lake(spark: SparkSession, before: datetime) -> pa.Table:
    """Only what the model uses of the order lines, in one job."""
    name = tables.full_name("orders")
    if not spark.catalog.tableExists(name):
        raise NoOrdersError(f"there is no table {name} yet: ingest makes it from the first orders")
    used = F.col("fate").isin([str(fate) for fate in USED_FATES])
    priced = (F.col("unit_price") > 0).alias("priced")
    columns = [priced if column == "priced" else F.col(column) for column in COLUMNS]
    return spark.table(name).where((F.col("time") < F.lit(before)) & used).select(*columns).toArrow()


def _read_with_new_spark(before: datetime) -> pa.Table:
    spark = SparkSession.builder.appName("cadabra retrain").getOrCreate()
    try:
        return read_lake(spark, before)
    finally:
        spark.stop()


def _live(shop: Shop) -> Version | None:
    state = publications.read(shop.dynamodb, shop.table)
    return Version.parse(state.live_version) if state and state.live_version else None


def _live_coverage(shop: Shop, live: Version | None) -> Coverage | None:
    return card.read_coverage(shop.s3, shop.bucket, live) if live else None


def _last_factors(shop: Shop, live: Version | None) -> tuple[Factors | None, str]:
    """The live version's factors, and how training starts."""
    if live is None:
        return None, "cold: no version is live"
    try:
        raw = shop.s3.get_object(Bucket=shop.bucket, Key=live.model)["Body"].read()
        return factors.load(raw), f"warm from {live}"
    except shop.s3.exceptions.NoSuchKey:
        return None, f"cold: s3://{shop.bucket}/{live.model} is missing"
    except FactorsUnreadableError as error:
        return None, f"cold: s3://{shop.bucket}/{live.model}: {error}"


def _losses(fitted: Model) -> str:
    return f"{fitted.losses[0]:,.0f} to {fitted.losses[-1]:,.0f} in {len(fitted.losses)} iterations"


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="retrain", description=__doc__.partition("\n")[0])
    parser.add_argument("--bucket", required=True, help="the bucket of the lake, the lists and the models")
    parser.add_argument(
        "--table", required=True, help="the DynamoDB table of the lease and of what is served"
    )
    parser.add_argument("--run", required=True, type=int, help="this run's lease number")
    parser.add_argument(
        "--as-of", type=_time, help="learn from orders before this time (the end of the newest hour)"
    )
    parser.add_argument(
        "--began",
        type=_seconds,
        default=datetime.now(UTC),
        help="when the run began, in seconds since 1970 (now)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of a cold start's factors (%(default)s)")
    parser.add_argument(
        "--wait",
        type=float,
        default=publication.WAIT_SECONDS,
        help="seconds until the lists must be live (%(default).0f)",
    )
    return parser.parse_args(arguments)


def _seconds(text: str) -> datetime:
    try:
        return datetime.fromtimestamp(int(text), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds since 1970") from error


def _time(text: str) -> datetime:
    try:
        time_ = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 2026-11-20T11:00") from error
    return (time_ if time_.tzinfo else time_.replace(tzinfo=UTC)).astimezone(UTC)


if __name__ == "__main__":
    sys.exit(main())
