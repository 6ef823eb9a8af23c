"""The EMR step that turns the lake's orders into lists that are live: train, rank, gate, export, publish.

Its steps stand in `retrain`; each is a module beside it. It gives the run's lease back at the end.
"""

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import boto3
import pyarrow as pa

from contracts import lease
from contracts.s3_layout import Version
from emr_jobs import asked, factors, inheritance, learning, rehearsal, settings_file
from emr_jobs.als.drivers import ALONE, Trainer
from emr_jobs.als.training import RatingsRefusedError
from emr_jobs.asked import Run
from emr_jobs.candidates import company
from emr_jobs.inheritance import Inheritance
from emr_jobs.judging import card, daily, judged
from emr_jobs.judging.card import Card, describe
from emr_jobs.judging.gate import Verdict
from emr_jobs.judging.judged import Judged
from emr_jobs.learning import Learnt
from emr_jobs.lists import assortment, export, making, renewal, served
from emr_jobs.lists.assortment import Catalogue
from emr_jobs.lists.making import Made
from emr_jobs.orders import Orders, epoch, from_arrow
from emr_jobs.publishing import publication
from emr_jobs.ranker import forest
from emr_jobs.session import NoOrdersError, Session
from emr_jobs.settings import Settings, SettingsError
from emr_jobs.settings_file import Chosen
from emr_jobs.shop import Shop
from emr_jobs.stages import Stages

UNSETTLED = timedelta(minutes=15)  # orders this young may still be on their way

# What the step can only say; the run ends with exit code 1.
REFUSALS = (
    NoOrdersError,
    SettingsError,
    RatingsRefusedError,
    lease.LeaseLostError,
    *publication.FAILURES,
)


def main(given: list[str] | None = None) -> int:
    options = asked.options(given, __doc__.partition("\n")[0])
    run = Run(options.run, options.as_of, options.began, options.seed, options.wait)
    shop = Shop(boto3.client("s3"), boto3.client("dynamodb"), options.bucket, options.table)
    compiling, session = rehearsal.begin(), Session(options.trainer)
    try:
        try:
            chosen = settings_file.read(shop.s3, shop.bucket, options.settings)
            retrain(shop, run, chosen, session.read, session.trainer, compiling)
        finally:
            session.stop()
            lease.release(shop.dynamodb, shop.table, run.number)
    except REFUSALS as error:
        print(f"retrain: {error}", file=sys.stderr)
        return 1
    return 0


def retrain(
    shop: Shop,
    run: Run,
    chosen: Chosen,
    read_orders: Callable[[datetime], pa.Table],
    choose_trainer: Callable[[int], Trainer] = lambda _pairs: ALONE,
    compiling: threading.Thread | None = None,
) -> None:
    """The steps in order; `read_orders` gives the order lines from before a time, as orders.COLUMNS."""
    stages, settings = Stages("retrain"), chosen.settings
    check_lease(shop, run)
    stages.say(f"settings: {chosen}")
    catalogue = assortment.read(shop)
    orders, as_of = _orders(run, read_orders, catalogue, stages)
    now, version = epoch(as_of), Version(as_of, run.number)
    last = _inherited(shop, settings, now, stages)
    if compiling:
        compiling.join()
    learnt = learning.learn(orders, now, settings, run.seed, last, choose_trainer, stages)
    made = making.make(orders, learnt.fitted, learnt.ranker, last, settings, run.seed)
    items = served.item_rows(orders, learnt.fitted, settings, catalogue)
    stages.done("lists", f"{made.said}; {items.num_rows:,} items; {catalogue.said}")
    found = judged.judge(shop, orders, made, learnt, last, settings, run.seed)
    stages.done("backtest", found.today.said)
    check_lease(shop, run)
    daily.keep(shop, found.today)
    _export(shop, version, made, items, learnt)
    card.write(
        shop.s3, shop.bucket, version, _card(version, run, orders, chosen, learnt, made, found, stages)
    )
    stages.done("export", str(version))
    _publish(shop, run, version, found.verdict, stages)


def _inherited(shop: Shop, settings: Settings, now: int, stages: Stages) -> Inheritance:
    last = inheritance.take(shop, settings, now)
    for said in last.said:
        stages.say(f"not taken over: {said}")
    return last


def _card(
    version: Version,
    run: Run,
    orders: Orders,
    chosen: Chosen,
    learnt: Learnt,
    made: Made,
    found: Judged,
    stages: Stages,
) -> Card:
    backtest = found.today.backtest
    return Card(
        version=str(version),
        as_of=version.as_of.isoformat(),
        run=run.number,
        seed=run.seed,
        orders=describe(orders),
        intake=found.intake,
        coverage=found.coverage,
        training=learnt.told(),
        ranking=made.counts,
        settings=chosen.settings,
        settings_from=chosen.source,
        gate=found.verdict,
        trial=backtest.trial,
        published=asdict(backtest.shown) if backtest.shown else None,
        seconds=stages.seconds,
    )


def _export(shop: Shop, version: Version, made: Made, items: pa.Table, learnt: Learnt) -> None:
    export.write(shop.s3, shop.bucket, version.customers, made.rows)
    export.write(shop.s3, shop.bucket, version.items, items)
    files = {version.model: factors.dump(learnt.fitted.factors), version.ranked: renewal.dump(made.ranked)}
    if learnt.ranker.forest and made.lasting and made.company:
        files[version.lasting] = factors.dump(made.lasting)
        files[version.company] = company.dump(made.company)
        files[version.forest] = forest.dump(learnt.ranker.forest)
    for key, content in files.items():
        shop.s3.put_object(Bucket=shop.bucket, Key=key, Body=content)


def _publish(shop: Shop, run: Run, version: Version, verdict: Verdict, stages: Stages) -> None:
    """Put the version live, or say why it is not."""
    for reason in verdict.reasons:
        stages.say(f"gate: {'passed, but' if verdict.passed else 'refused:'} {reason}")
    if not verdict.passed:
        stages.say(
            f"{version} is not published: the last lists stay live. If all is as it should be, "
            f"`cadabra publish {version} --anyway` puts it live"
        )
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


def _orders(
    run: Run, read_orders: Callable[[datetime], pa.Table], catalogue: Catalogue, stages: Stages
) -> tuple[Orders, datetime]:
    cap = run.as_of or (run.began - UNSETTLED).replace(microsecond=0)
    orders = from_arrow(read_orders(cap)).named(catalogue.names)
    if not len(orders):
        raise NoOrdersError(
            f"the lake holds no orders from before {cap:%Y-%m-%d %H:%M} UTC: ship some, ingest lands them"
        )
    counts = f"{len(orders):,} lines, {len(orders.customers):,} customers, {len(orders.items):,} items"
    stages.done("orders", counts)
    return orders, run.as_of or end_of_newest_hour(orders, cap)


if __name__ == "__main__":
    sys.exit(main())
