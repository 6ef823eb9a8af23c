"""What a run judges once a day, by the data's clock: its configuration, and the lists that were shown."""

from contracts import history
from emr_jobs.inheritance import Inheritance
from emr_jobs.judging import published, trial
from emr_jobs.judging.published import Shown
from emr_jobs.judging.trial import DAYS, Trial
from emr_jobs.lists import export
from emr_jobs.lists.export import ExportMissingError
from emr_jobs.orders import DAY_SECONDS, Orders
from emr_jobs.settings import Settings
from emr_jobs.shop import Shop


def due(last: Inheritance, now: int, settings: Settings) -> bool:
    """A day has passed since the last backtest, or what it judged is no longer what runs."""
    before = last.card.trial if last.card else None
    if before is None or last.card is None or last.card.settings != settings:
        return True
    return not 0 <= now - (before["cut"] + DAYS * DAY_SECONDS) < DAY_SECONDS


def backtest(last: Inheritance, orders: Orders, now: int, settings: Settings, seed: int) -> Trial | None:
    if not due(last, now, settings):
        return None
    return trial.trial(orders, now, settings, last.card.settings if last.card else None, seed)


def shown(shop: Shop, orders: Orders, now: int) -> Shown | None:
    """How the newest version that is a day old did, where its lists are still there."""
    version = published.due(history.versions(shop.s3, shop.bucket), now)
    if version is None:
        return None
    try:
        rows = export.read_customers(shop.s3, shop.bucket, version)
    except ExportMissingError:
        return None
    return published.judge(version, rows, orders, now)


def said(made: Trial | None, seen: Shown | None) -> str:
    if made is None:
        return "the day's was made"
    if not made.ndcg:
        return "too few orders to judge by"
    figures = ", ".join(f"{name} {value:.3f}" for name, value in made.ndcg.items())
    over = "; ".join(
        f"{lead.list} {lead.mean:+.3f} [{lead.low:+.3f}, {lead.high:+.3f}] over {lead.over}"
        for lead in made.leads
    )
    lists = f"; {seen.version} reached {seen.ndcg} in {seen.days} days" if seen and seen.ndcg else ""
    return f"NDCG@20 {figures}; {over}{lists}"
