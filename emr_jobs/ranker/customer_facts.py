"""What is known of each customer: how often they order, how much, how much of it again. Feature columns."""

from typing import Any

import numpy as np
import numpy.typing as npt

from emr_jobs.als.kernel import Floats
from emr_jobs.candidates.group import Group
from emr_jobs.candidates.past import days_since
from emr_jobs.orders import distinct

Doubles = npt.NDArray[np.float64]

NAMES = (
    *("since_order", "since_first", "orders", "items", "basket", "order_gap", "order_due", "repeat_share"),
    *("price_level", "price_spread", "spent", "month_items", "month_new"),
)
_MONTH_DAYS = 30
_LEAST_VARIANCE = 1e-4


def columns(group: Group, price: Floats) -> dict[str, Floats]:
    """A value for each of the group; `price` is the logarithm of each item's."""
    bought, sales, now = group.bought, group.sales, group.past.now
    width = len(group)
    last, first = days_since(now, bought.last), days_since(now, bought.first)
    numbers = int(sales.invoice.max(initial=0)) + 1
    invoice = distinct(sales.customer.astype(np.int64) * numbers + sales.invoice)
    invoices = np.bincount(invoice // numbers, minlength=width)
    newest, oldest = np.full(width, np.inf), np.zeros(width)
    np.minimum.at(newest, bought.customer, last)
    np.maximum.at(oldest, bought.customer, first)
    newest = np.where(np.isfinite(newest), newest, oldest)
    gap = (oldest - newest) / np.maximum(1, invoices - 1)

    def summed(values: Any) -> Doubles:
        return np.asarray(np.bincount(bought.customer, values, width), np.float64)

    items, purchases = summed(np.ones(len(bought))), summed(bought.purchases)
    prices, weight = price[bought.item], bought.purchases / np.maximum(1, purchases[bought.customer])
    level = summed(prices * weight)
    variance = summed(prices**2 * weight) - level**2
    paid = sales.quantity * sales.price.astype(np.float64)
    found = {
        "since_order": newest,
        "since_first": oldest,
        "orders": invoices,
        "items": items,
        "basket": purchases / np.maximum(1, invoices),
        "order_gap": gap,
        "order_due": newest / (gap + 1),
        "repeat_share": 1 - items / np.maximum(1, purchases),
        "price_level": level,
        "price_spread": np.sqrt(np.maximum(_LEAST_VARIANCE, variance)),
        "spent": np.log1p(np.bincount(sales.customer, paid, width)),
        "month_items": summed(last <= _MONTH_DAYS),
        "month_new": summed(first <= _MONTH_DAYS),
    }
    return {name: np.asarray(values, np.float32) for name, values in found.items()}
