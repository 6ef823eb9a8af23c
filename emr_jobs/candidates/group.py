"""Some customers with what candidates and features ask of them: a row each, in the order they were named.

Ranking an hour's few takes no more than what those few bought. Used by ranker.
"""

from dataclasses import dataclass

import numpy as np

from emr_jobs.als.kernel import Floats, Ints
from emr_jobs.candidates.past import Past, days_since
from emr_jobs.candidates.room import Room
from emr_jobs.lists.blend import Blend
from emr_jobs.orders import DAY_SECONDS, Longs, Orders
from emr_jobs.ratings import Pairs

_MONTH_DAYS = 30.0


@dataclass(frozen=True, slots=True)
class Sales:
    """Grain: one line that sold something to one of the group."""

    customer: Ints  # the row
    item: Ints
    invoice: Ints
    quantity: Longs
    price: Floats


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each pair bought speaks for the items linked to its item."""

    ever: Floats
    recent: Floats
    last_order: Floats
    month: Floats


@dataclass(frozen=True, slots=True)
class Group:
    past: Past
    customers: Ints  # rows of the orders' customers
    bought: Pairs
    sales: Sales
    blend: Blend
    slow: Floats  # factors of lasting taste
    weights: Weights
    room: Room

    def __len__(self) -> int:
        return len(self.customers)


def group(past: Past, customers: Ints) -> Group:
    bought = past.fitted.bought.only(customers)
    return Group(
        past,
        customers,
        bought,
        _sales(past.orders, customers),
        past.blend.of(customers),
        past.slow.of_customers[customers],
        _weights(bought, past.now),
        Room(),
    )


def _sales(orders: Orders, customers: Ints) -> Sales:
    rows = np.full(len(orders.customers) + 1, -1, np.int32)  # the last one is every guest's
    rows[customers] = np.arange(len(customers))
    row = rows[orders.customer]
    own = np.flatnonzero(orders.sold & (row >= 0))
    return Sales(row[own], orders.item[own], orders.invoice[own], orders.quantity[own], orders.price[own])


def _weights(bought: Pairs, now: int) -> Weights:
    sizes = np.maximum(1, np.diff(bought.starts))[bought.customer]
    newest = np.zeros(bought.shape[0], np.int64)
    np.maximum.at(newest, bought.customer, bought.last)
    in_last = bought.last >= newest[bought.customer] - DAY_SECONDS
    basket = np.bincount(bought.customer[in_last], minlength=bought.shape[0])[bought.customer]
    faded = np.exp2(-days_since(now, bought.last) / _MONTH_DAYS)
    return Weights(
        ever=(bought.kept / np.sqrt(sizes)).astype(np.float32),
        recent=np.where(bought.kept, bought.decayed(now, _MONTH_DAYS), 0).astype(np.float32),
        last_order=np.where(in_last, 1 / np.maximum(1, basket), 0).astype(np.float32),
        month=np.where(bought.kept, faded, 0).astype(np.float32),
    )
