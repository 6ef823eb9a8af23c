"""A run's lists of every customer: those to be ranked are, the others keep the lists they have."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from emr_jobs.als.kernel import Ints
from emr_jobs.candidates import company, past
from emr_jobs.candidates.company import Company
from emr_jobs.factors import Factors
from emr_jobs.inheritance import Inheritance
from emr_jobs.lists import ranked, renewal, served
from emr_jobs.lists.export import SCHEMA, changed
from emr_jobs.model import Model
from emr_jobs.orders import Flags, Orders
from emr_jobs.ranker.keeping import Ranker
from emr_jobs.settings import Settings

Learnt = tuple[Factors | None, Company | None]


@dataclass(frozen=True, slots=True)
class Made:
    rows: pa.Table
    lasting: Factors | None  # where a forest ranked
    company: Company | None  # likewise
    ranked: renewal.Ranked
    counts: dict[str, Any]  # for the card

    @property
    def said(self) -> str:
        counts = self.counts
        return (
            f"{counts['customers']:,} customers, {counts['ranked']:,} ranked by {counts['by']} "
            f"({counts['why']}), {counts['changed']:,} lists changed"
        )


def make(
    orders: Orders, fitted: Model, ranker: Ranker, last: Inheritance, settings: Settings, seed: int
) -> Made:
    buyers = served.buyers(fitted)
    digests = renewal.digests(orders)
    why, kept, rows = _kept(orders, digests, ranker, last, settings, fitted.now)
    customers = buyers[~kept[buyers]]
    lists, learnt = _ranked(orders, fitted, ranker, last, customers, settings, seed)
    fresh = served.customer_rows(fitted, lists, customers, settings)
    whole = pa.concat_tables([fresh, rows]).combine_chunks().sort_by("key")
    everyone = last.ranked.everyone if last.ranked and not why else fitted.now
    counts = {
        "by": ranker.name,
        "why": f"everyone: {why}" if why else "whose orders changed",
        "customers": whole.num_rows,
        "ranked": len(customers),
        "changed": _changes(fresh, last.rows),
    }
    return Made(whole, *learnt, renewal.Ranked(orders.customers, digests, everyone, ranker.name), counts)


def _kept(
    orders: Orders,
    digests: renewal.Digests,
    ranker: Ranker,
    last: Inheritance,
    settings: Settings,
    now: int,
) -> tuple[str, Flags, pa.Table]:
    """Why everyone is ranked (or nothing), whose lists stay, and their rows."""
    nobody = np.zeros(len(orders.customers), np.bool_)
    if last.version is None or last.ranked is None or last.rows is None:
        return "no lists to go on from", nobody, SCHEMA.empty_table()
    if last.card is None or last.card.settings != settings:
        return "the settings are others", nobody, SCHEMA.empty_table()
    if why := renewal.due(last.ranked, ranker.name, now):
        return why, nobody, SCHEMA.empty_table()
    return "", *renewal.kept(last.ranked, last.rows, orders, digests)


def _ranked(
    orders: Orders,
    fitted: Model,
    ranker: Ranker,
    last: Inheritance,
    customers: Ints,
    settings: Settings,
    seed: int,
) -> tuple[dict[str, Ints], Learnt]:
    if ranker.forest is None:
        return ranked.by_blend(fitted, customers, settings), (None, None)
    lasting = past.lasting(orders, fitted, settings, seed, last.lasting)
    kept = company.company(last.company, orders, fitted.bought, fitted.now, settings)
    then = past.known(orders, fitted, lasting, kept, settings)
    return ranked.by_forest(then, ranker.forest, customers), (lasting, kept)


def _changes(rows: pa.Table, before: pa.Table | None) -> int:
    """How many of these rows differ from those before."""
    return int(changed(rows, before).sum()) if before is not None else rows.num_rows
