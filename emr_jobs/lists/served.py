"""The rows that a model serves: for each customer, for each item with companions, for what is popular.

An item's companions are those bought with it, and after them, up to a full list, those described like it.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from contracts.lists import (
    CUSTOMER_LISTS,
    POPULAR,
    POPULAR_KEY,
    STORED_ENTRIES,
    TOGETHER,
    Reason,
    ReasonKind,
)
from contracts.lists import customer_key as key_of_customer
from contracts.lists import together_key as key_of_together
from emr_jobs import model, topk
from emr_jobs.als.kernel import Ints
from emr_jobs.judging.gate import Coverage
from emr_jobs.lists import export, popularity, reasons, twins
from emr_jobs.lists.assortment import UNNAMED, Assortment, Catalogue
from emr_jobs.lists.described import described
from emr_jobs.lists.export import Ranked
from emr_jobs.lists.together import together
from emr_jobs.model import Model
from emr_jobs.orders import Orders
from emr_jobs.settings import Settings

WHY_TOGETHER = (ReasonKind.TOGETHER, ReasonKind.SIMILAR)
# How much selling well adds to a likeness, in halves: finer steps change five times as many lists an hour.
SELLING_STEPS = 2


def buyers(fitted: Model) -> Ints:
    """The customers who bought something: who has lists."""
    return np.flatnonzero(np.diff(fitted.bought.starts)).astype(np.int32)


def customer_rows(fitted: Model, ranked: dict[str, Ints], customers: Ints, settings: Settings) -> pa.Table:
    """The lists of these customers with a reason for each entry; `ranked` has a row for every customer."""
    blend = model.scores(fitted, settings)
    alike = reasons.likeness(fitted.factors.of_items, settings)
    pulls = reasons.pulls(fitted.ratings, settings)
    lists = {}
    for name, best in ranked.items():
        why = reasons.reasons(best, blend.popular[name], blend, fitted.bought, fitted.now, pulls, alike)
        lists[name] = Ranked(best[customers], why[customers])
    items = fitted.factors.items
    keys = _keys(key_of_customer(""), fitted.factors.customers.take(pa.array(customers)))
    return export.table(keys, lists, items, reasons.vocabulary(items))


def item_rows(orders: Orders, fitted: Model, settings: Settings, catalogue: Catalogue = UNNAMED) -> pa.Table:
    """The companions of each item of the orders and of the catalogue, and what is popular now."""
    goods = catalogue.beside(orders.items)
    best, why = companions(orders, fitted, settings, goods)
    has_any = best[:, 0] >= 0
    lists = {TOGETHER: Ranked(best[has_any], why[has_any])}
    keys = _keys(key_of_together(""), goods.codes.filter(pa.array(has_any)))
    rows = [export.table(keys, lists, goods.codes, _texts(*WHY_TOGETHER))]
    popular = popularity.ranked(fitted.bought, fitted.now, settings.popular_days, STORED_ENTRIES)
    if len(popular):
        now = Ranked(popular.reshape(1, -1), np.zeros((1, len(popular)), np.int32))
        reason = _texts(ReasonKind.POPULAR)
        rows.append(export.table(pa.array([POPULAR_KEY]), {POPULAR: now}, orders.items, reason))
    return pa.concat_tables(rows).combine_chunks().sort_by("key")


def companions(orders: Orders, fitted: Model, settings: Settings, goods: Assortment) -> tuple[Ints, Ints]:
    """A row for each item of the assortment, and each entry's place in WHY_TOGETHER."""
    missing = len(goods.codes) - len(orders.items)
    best = np.pad(together(orders, settings), ((0, missing), (0, 0)), constant_values=topk.NOTHING)
    why = np.zeros_like(best)
    short = np.flatnonzero(best[:, -1] < 0).astype(np.int32)
    sells = np.pad(popularity.recent(fitted.bought, fitted.now, settings.popular_days), (0, missing))
    weights = goods.for_sale * (1 + np.rint(SELLING_STEPS * np.sqrt(sells)) / SELLING_STEPS)
    alike = described(goods.names, short, weights.astype(np.float32), STORED_ENTRIES + twins.SPARE)
    alike = twins.thinned(alike, twins.base_codes(goods.codes), twins.MOST[TOGETHER], alike.shape[1])
    best[short], why[short] = _continued(best[short], alike)
    return best, why


def _continued(best: Ints, more: Ints) -> tuple[Ints, Ints]:
    """The lists with what is not yet in them after them, as long as they were; and which entries that is."""
    known = (more[:, :, None] == best[:, None, :]).any(axis=2)
    both = np.concatenate([best, np.where(known, topk.NOTHING, more)], axis=1)
    order = np.argsort(both < 0, axis=1, kind="stable")[:, : best.shape[1]]
    return np.take_along_axis(both, order, axis=1), (order >= best.shape[1]).astype(np.int32)


def coverage(customers: pa.Table) -> Coverage:
    """How many customers have a list, and how many different items stand in any."""
    listed = [pc.unique(column.combine_chunks().flatten()) for column in _code_columns(customers)]
    items = pc.unique(pa.concat_arrays(listed)) if listed else ()
    return Coverage(customers.num_rows, len(items))


def _code_columns(rows: pa.Table) -> list[pa.ChunkedArray]:
    return [rows[name] for name in CUSTOMER_LISTS] if rows.num_rows else []


def _texts(*kinds: ReasonKind) -> pa.StringArray:
    return pa.array([str(Reason(kind)) for kind in kinds], pa.string())


def _keys(prefix: str, names: pa.StringArray) -> pa.StringArray:
    return pc.binary_join_element_wise(pa.scalar(prefix), names, "")
