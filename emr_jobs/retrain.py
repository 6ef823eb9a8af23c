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
from emr_jobs import card, export, factors, gate, model, publication, rehearsal, served, tables
from emr_jobs.card import Card
from emr_jobs.factors import Factors, FactorsUnreadableError
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
        retrain(shop, run, Settings(), _read_with_new_spark, compiling)
    except (NoOrdersError, lease.LeaseLostError, *publication.FAILURES) as error:
        print(f"retrain: {error}", file=sys.stderr)
        return 1
    finally:
        lease.release(shop.dynamodb, shop.table, run.number)
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
    stages.done(
        "orders",
        f"{len(orders):,} lines of {len(orders.customers):,} customers and {len(orders.items):,} items",
    )
    last, start = _last_factors(shop)
    if compiling:
        compiling.join()
    fitted = model.fit(orders, epoch(as_of), settings, run.seed, last)
    start = start if fitted.warm or not last else "cold: the last model knows too few of the names"
    stages.done("training", f"{start}; {len(fitted.losses)} iterations, loss {_last(fitted.losses):,.0f}")
    customers = served.customer_rows(fitted, settings)
    items = served.item_rows(orders, fitted, settings)
    stages.done("lists", f"{customers.num_rows:,} customers, {items.num_rows:,} items")
    verdict = _judged(shop, customers, settings)
    check_lease(shop, run)
    _export(shop, version, fitted, customers, items)
    written = Card(
        version=str(version),
        as_of=as_of.isoformat(),
        run=run.number,
        seed=run.seed,
        orders=_described(orders),
        coverage=served.coverage(customers),
        training={"start": start, "losses": fitted.losses},
        settings=settings,
        gate=verdict,
        seconds=stages.seconds,
    )
    card.write(shop.s3, shop.bucket, version, written)
    stages.done("export", f"{version}")
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


def _last_factors(shop: Shop) -> tuple[Factors | None, str]:
    """The live version's factors, and how training starts."""
    live = publications.read(shop.dynamodb, shop.table)
    if live is None or not live.live_version:
        return None, "cold: no version is live"
    key = Version.parse(live.live_version).model
    try:
        raw = shop.s3.get_object(Bucket=shop.bucket, Key=key)["Body"].read()
        return factors.load(raw), f"warm from {live.live_version}"
    except shop.s3.exceptions.NoSuchKey:
        return None, f"cold: s3://{shop.bucket}/{key} is missing"
    except FactorsUnreadableError as error:
        return None, f"cold: s3://{shop.bucket}/{key}: {error}"


def _judged(shop: Shop, customers: pa.Table, settings: Settings) -> gate.Verdict:
    live = publications.read(shop.dynamodb, shop.table)
    before = None
    if live and live.live_version:
        before = card.read_coverage(shop.s3, shop.bucket, Version.parse(live.live_version))
    return gate.judge(served.coverage(customers), before, settings)


def _export(shop: Shop, version: Version, fitted: Model, customers: pa.Table, items: pa.Table) -> None:
    export.write(shop.s3, shop.bucket, version.customers, customers)
    export.write(shop.s3, shop.bucket, version.items, items)
    shop.s3.put_object(Bucket=shop.bucket, Key=version.model, Body=factors.dump(fitted.factors))


def _described(orders: Orders) -> dict[str, object]:
    first, last = (
        datetime.fromtimestamp(int(edge), UTC) for edge in (orders.seconds.min(), orders.seconds.max())
    )
    return {
        "lines": len(orders),
        "customers": len(orders.customers),
        "items": len(orders.items),
        "first": first.isoformat(),
        "last": last.isoformat(),
    }


def _last(losses: tuple[float, ...]) -> float:
    return losses[-1] if losses else 0.0


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
        type=lambda text: datetime.fromtimestamp(int(text), UTC),
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


def _time(text: str) -> datetime:
    time_ = datetime.fromisoformat(text)
    return (time_ if time_.tzinfo else time_.replace(tzinfo=UTC)).astimezone(UTC)


if __name__ == "__main__":
    sys.exit(main())
