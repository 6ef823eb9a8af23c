"""The rows that a model serves: for each customer, for each item with company, for what is popular."""

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
from emr_jobs import model
from emr_jobs.als.kernel import Ints
from emr_jobs.judging.gate import Coverage
from emr_jobs.lists import export, popularity, reasons
from emr_jobs.lists.export import Ranked
from emr_jobs.lists.together import together
from emr_jobs.model import Model
from emr_jobs.orders import Orders
from emr_jobs.settings import Settings


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
        why = reasons.reasons(best, blend.popular[name], blend, fitted.bought, pulls, alike)
        lists[name] = Ranked(best[customers], why[customers])
    items = fitted.factors.items
    keys = _keys(key_of_customer(""), fitted.factors.customers.take(pa.array(customers)))
    return export.table(keys, lists, items, reasons.vocabulary(items))


def item_rows(orders: Orders, fitted: Model, settings: Settings) -> pa.Table:
    """What is bought together with each item, where enough was, and what is popular now."""
    best = together(orders, settings)
    has_company = best[:, 0] >= 0
    company = _one_reason(best[has_company], ReasonKind.TOGETHER)
    keys = _keys(key_of_together(""), orders.items.filter(pa.array(has_company)))
    popular = popularity.ranked(fitted.bought, fitted.now, settings.popular_days, STORED_ENTRIES)
    rows = [export.table(keys, {TOGETHER: company[0]}, orders.items, company[1])]
    if len(popular):
        now = _one_reason(popular.reshape(1, -1), ReasonKind.POPULAR)
        rows.append(export.table(pa.array([POPULAR_KEY]), {POPULAR: now[0]}, orders.items, now[1]))
    return pa.concat_tables(rows).combine_chunks().sort_by("key")


def coverage(customers: pa.Table) -> Coverage:
    """How many customers have a list, and how many different items stand in any."""
    listed = [pc.unique(column.combine_chunks().flatten()) for column in _code_columns(customers)]
    items = pc.unique(pa.concat_arrays(listed)) if listed else ()
    return Coverage(customers.num_rows, len(items))


def _code_columns(rows: pa.Table) -> list[pa.ChunkedArray]:
    return [rows[name] for name in CUSTOMER_LISTS] if rows.num_rows else []


def _one_reason(
    codes: "np.ndarray[tuple[int, int], np.dtype[np.int32]]", kind: ReasonKind
) -> tuple[Ranked, pa.Array]:
    return Ranked(codes, np.zeros_like(codes)), pa.array([str(Reason(kind))])


def _keys(prefix: str, names: pa.StringArray) -> pa.StringArray:
    return pc.binary_join_element_wise(pa.scalar(prefix), names, "")
