"""What is judged once a day, by the data's clock: the runs' configuration, and the lists that were shown.

The day's backtest has an S3 key of its own: it is the day's, and judges each of its runs, whichever run made
it and whether or not that one's version went live.
"""

import json
from dataclasses import asdict, dataclass
from functools import partial

import pyarrow as pa

from contracts import history
from contracts.s3_layout import BACKTEST, Version
from emr_jobs.judging import card, earlier, published, trial
from emr_jobs.judging.card import CardUnreadableError
from emr_jobs.judging.published import Shown
from emr_jobs.judging.trial import DAYS, UNSHAPED, Trial
from emr_jobs.lists import export
from emr_jobs.lists.export import ExportMissingError
from emr_jobs.orders import DAY_SECONDS, Orders
from emr_jobs.settings import Settings, from_dict
from emr_jobs.shop import Shop


@dataclass(frozen=True, slots=True)
class Backtest:
    trial: Trial
    settings: Settings
    in_use: Settings | None  # of the version that was live
    shown: Shown | None  # how the last lists did that customers saw

    def due(self, settings: Settings, in_use: Settings | None, now: int) -> bool:
        """A day has passed since, or it judged something else, or beside something else."""
        if self.settings != settings or in_use not in (settings, self.in_use):
            return True
        return not 0 <= now - (self.trial.cut + DAYS * DAY_SECONDS) < DAY_SECONDS


@dataclass(frozen=True, slots=True)
class Today:
    backtest: Backtest
    new: bool

    @property
    def said(self) -> str:
        return said(self.backtest.trial, self.backtest.shown) + ("" if self.new else ", made earlier")


def today(
    shop: Shop, in_use: Settings | None, orders: Orders, now: int, settings: Settings, seed: int
) -> Today:
    last = held(shop)
    found = backtest(shop, last, in_use, orders, now, settings, seed)
    return Today(found, new=found is not last)


def backtest(
    shop: Shop,
    last: Backtest | None,
    in_use: Settings | None,
    orders: Orders,
    now: int,
    settings: Settings,
    seed: int,
) -> Backtest:
    """The day's: the last one, or one made now."""
    if last and not last.due(settings, in_use, now):
        return last
    made = trial.trial(orders, now, settings, in_use, seed, partial(earlier.forest_at, shop))
    return Backtest(made, settings, in_use, shown(shop, orders, now))


def keep(shop: Shop, made: Today) -> None:
    """For the other runs of the day."""
    if not made.new:
        return
    text = json.dumps(asdict(made.backtest), indent=1)
    shop.s3.put_object(Bucket=shop.bucket, Key=BACKTEST, Body=text.encode())


def held(shop: Shop) -> Backtest | None:
    """The last one; where it cannot be read it is made again."""
    try:
        known = json.loads(shop.object(BACKTEST))
        in_use = from_dict(known["in_use"]) if known["in_use"] else None
        seen = published.from_plain(known["shown"]) if known["shown"] else None
        return Backtest(trial.from_plain(known["trial"]), from_dict(known["settings"]), in_use, seen)
    except (shop.s3.exceptions.NoSuchKey, *UNSHAPED):
        return None


def shown(shop: Shop, orders: Orders, now: int) -> Shown | None:
    """How the last lists did that customers saw, of those a day old that are still there."""
    for version in published.due(history.notes(shop.s3, shop.bucket), now):
        if (rows := _lists(shop, version)) is not None:
            return published.judge(version, rows, orders, now)
    return None


def _lists(shop: Shop, version: Version) -> pa.Table | None:
    """The customers' lists; None where they are gone, and of a study, whose users are not the shop's."""
    try:
        card.load(shop.object(version.card))
        return export.read_customers(shop.s3, shop.bucket, version)
    except (shop.s3.exceptions.NoSuchKey, CardUnreadableError, ExportMissingError):
        return None


def said(made: Trial, seen: Shown | None) -> str:
    if not made.ndcg:
        return "too few orders to judge by"
    figures = ", ".join(f"{name} {value:.3f}" for name, value in made.ndcg.items())
    over = "; ".join(
        f"{lead.list} {lead.mean:+.3f} [{lead.low:+.3f}, {lead.high:+.3f}] over {lead.over}"
        for lead in made.leads
    )
    lists = f"; {seen.version} reached {seen.ndcg} in {seen.days} days" if seen and seen.ndcg else ""
    return f"NDCG@20 {figures}; {over}{lists}"
