"""The EMR step that turns the lake's orders into lists that are live: train, rank, gate, export, publish.

Its steps stand in `retrain`; each is a module beside it. It gives the run's lease back at the end.
"""

import argparse
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

import boto3
import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from contracts import arguments, lease
from contracts.s3_layout import Version
from emr_jobs import factors, inheritance, model, rehearsal, settings_file
from emr_jobs.inheritance import Inheritance
from emr_jobs.judging import card, daily, gate, intake
from emr_jobs.judging.card import Card, describe
from emr_jobs.judging.gate import Verdict
from emr_jobs.lake import tables
from emr_jobs.lists import export, making, renewal, served
from emr_jobs.lists.making import Made
from emr_jobs.model import Model
from emr_jobs.orders import COLUMNS, USED_FATES, Orders, epoch, from_arrow
from emr_jobs.publishing import publication
from emr_jobs.ranker import forest, keeping
from emr_jobs.ranker.keeping import Ranker
from emr_jobs.settings import Settings, SettingsError
from emr_jobs.shop import Shop
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


def main(given: list[str] | None = None) -> int:
    options = _options(given)
    run = Run(options.run, options.as_of, options.began, options.seed, options.wait)
    shop = Shop(boto3.client("s3"), boto3.client("dynamodb"), options.bucket, options.table)
    compiling = rehearsal.begin()
    try:
        try:
            settings = settings_file.read(shop, options.settings)
            retrain(shop, run, settings, _read_with_new_spark, compiling)
        finally:
            lease.release(shop.dynamodb, shop.table, run.number)
    except (NoOrdersError, SettingsError, lease.LeaseLostError, *publication.FAILURES) as error:
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
    last = inheritance.take(shop)
    for said in last.said:
        stages.say(f"not taken over: {said}")
    if compiling:
        compiling.join()
    fitted = model.fit(orders, epoch(as_of), settings, run.seed, last.factors)
    start = _start(last, fitted)
    stages.done("training", f"{start}; loss {_losses(fitted)}")
    ranker = keeping.ranker(last.forest_for(settings), orders, epoch(as_of), settings, run.seed)
    stages.done("ranker", ranker.said)
    made = making.make(orders, fitted, ranker, last, settings, run.seed)
    items = served.item_rows(orders, fitted, settings)
    stages.done("lists", f"{made.said}; {items.num_rows:,} items")
    trial = daily.backtest(last, orders, epoch(as_of), settings, run.seed)
    shown = daily.shown(shop, orders, epoch(as_of)) if trial else None
    stages.done("backtest", daily.said(trial, shown))
    coverage, arrived = served.coverage(made.rows), intake.intake(orders, epoch(as_of))
    verdict = gate.judge(coverage, last.card.coverage if last.card else None, settings, arrived, trial)
    check_lease(shop, run)
    _export(shop, version, made, items, fitted, ranker)
    training = {"start": start, "losses": fitted.losses, "ranker": ranker.said}
    written = Card(
        version=str(version),
        as_of=as_of.isoformat(),
        run=run.number,
        seed=run.seed,
        orders=describe(orders),
        intake=arrived,
        coverage=coverage,
        training=training,
        ranking=made.counts,
        settings=settings,
        gate=verdict,
        trial=trial,
        published=asdict(shown) if shown else None,
        seconds=stages.seconds,
    )
    card.write(shop.s3, shop.bucket, version, card.plain(written, last.card.trial if last.card else None))
    stages.done("export", str(version))
    _publish(shop, run, version, verdict, stages)


def _export(shop: Shop, version: Version, made: Made, items: pa.Table, fitted: Model, ranker: Ranker) -> None:
    export.write(shop.s3, shop.bucket, version.customers, made.rows)
    export.write(shop.s3, shop.bucket, version.items, items)
    files = {version.model: factors.dump(fitted.factors), version.ranked: renewal.dump(made.ranked)}
    if ranker.forest and made.lasting:
        files[version.lasting] = factors.dump(made.lasting)
        files[version.forest] = forest.dump(ranker.forest)
    for key, content in files.items():
        shop.s3.put_object(Bucket=shop.bucket, Key=key, Body=content)


def _start(last: Inheritance, fitted: Model) -> str:
    """How training started."""
    if last.version is None:
        return "cold: no version is live"
    if last.factors is None:
        return f"cold: {last.version} has no factors to go on from"
    return f"warm from {last.version}" if fitted.warm else f"cold: {last.version} knows too few of the names"


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
    columns = {column: F.col(column) for column in COLUMNS}
    columns["unit_price"] = columns["unit_price"].cast("float").alias("unit_price")
    earlier = F.col("time") < F.lit(before)
    return spark.table(name).where(earlier & used).select(*columns.values()).toArrow()


def _read_with_new_spark(before: datetime) -> pa.Table:
    spark = SparkSession.builder.appName("cadabra retrain").getOrCreate()
    try:
        return read_lake(spark, before)
    finally:
        spark.stop()


def _losses(fitted: Model) -> str:
    if len(fitted.losses) == 1:
        return f"{fitted.losses[0]:,.0f} after one iteration"
    return f"{fitted.losses[0]:,.0f} to {fitted.losses[-1]:,.0f} in {len(fitted.losses)} iterations"


def _options(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="retrain", description=__doc__.partition("\n")[0])
    parser.add_argument("--bucket", required=True, help="the bucket of the lake, the lists and the models")
    parser.add_argument(
        "--table", required=True, help="the DynamoDB table of the lease and of what is served"
    )
    parser.add_argument("--run", required=True, type=int, help="this run's lease number")
    parser.add_argument(
        "--as-of",
        type=arguments.moment,
        help="learn from orders before this time (the end of the newest hour)",
    )
    parser.add_argument(
        "--began",
        type=_seconds,
        default=datetime.now(UTC),
        help="when the run began, in seconds since 1970 (now)",
    )
    parser.add_argument("--settings", help="a TOML file of settings, s3://... or a path (the defaults)")
    parser.add_argument("--seed", type=int, default=0, help="of a cold start's factors (%(default)s)")
    parser.add_argument(
        "--wait",
        type=float,
        default=publication.WAIT_SECONDS,
        help="seconds until the lists must be live (%(default).0f)",
    )
    return parser.parse_args(given)


def _seconds(text: str) -> datetime:
    try:
        return datetime.fromtimestamp(int(text), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds since 1970") from error


if __name__ == "__main__":
    sys.exit(main())
