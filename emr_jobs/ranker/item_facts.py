"""What is known of each item: how it sells lately and ever, its age, its price. Feature columns."""

import numpy as np

from emr_jobs.als.kernel import Floats, Longs
from emr_jobs.candidates.past import Past, days_since
from emr_jobs.orders import DAY_SECONDS, Orders, distinct

POPULAR_DAYS = (3, 7, 14, 30, 60)
NAMES = (
    *(f"popular_{days}" for days in POPULAR_DAYS),
    *("popular_ever", "popular_new", "invoices_14", "item_age", "item_quiet", "item_again", "item_price"),
    *("item_trend", "item_quantity"),
)
_NEW_DAYS = 14
_LEAST_PRICE = 0.01
_AGAIN_SHRINK = 5.0  # buyers an item needs before its repeat rate is believed
_TREND_SHRINK = 3.0


def columns(past: Past) -> dict[str, Floats]:
    bought, orders = past.fitted.bought, past.orders
    width = bought.shape[1]
    last, first = days_since(past.now, bought.last), days_since(past.now, bought.first)

    def counted(chosen: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> Floats:
        return np.bincount(bought.item[chosen], minlength=width).astype(np.float32)

    popular = {f"popular_{days}": counted(last <= days) for days in POPULAR_DAYS}
    buyers, purchases = counted(bought.purchases > 0), np.bincount(bought.item, bought.purchases, width)
    earliest, latest = np.full(width, past.now), np.zeros(width, np.int64)
    np.minimum.at(earliest, orders.item[orders.sold], orders.seconds[orders.sold])
    np.maximum.at(latest, orders.item[orders.sold], orders.seconds[orders.sold])
    pieces = np.bincount(orders.item[orders.sold], orders.quantity[orders.sold], width)
    found = popular | {
        "popular_ever": buyers,
        "popular_new": counted(first <= _NEW_DAYS),
        "invoices_14": _invoices(orders, past.now - 14 * DAY_SECONDS, width),
        "item_age": days_since(past.now, earliest),
        "item_quiet": days_since(past.now, latest),
        "item_again": counted(bought.purchases > 1) / (buyers + _AGAIN_SHRINK),
        "item_price": prices(orders, width),
        "item_trend": popular["popular_7"] / (popular["popular_30"] + _TREND_SHRINK),
        "item_quantity": np.log1p(pieces / np.maximum(1, purchases)),
    }
    return {name: np.asarray(values, np.float32) for name, values in found.items()}


def prices(orders: Orders, width: int) -> Floats:
    """The logarithm of each item's mean price a piece."""
    item, quantity = orders.item[orders.sold], orders.quantity[orders.sold]
    paid = np.bincount(item, quantity * orders.price[orders.sold].astype(np.float64), width)
    pieces = np.maximum(1, np.bincount(item, quantity, width))
    return np.log(np.maximum(_LEAST_PRICE, paid / pieces)).astype(np.float32)


def _invoices(orders: Orders, since: int, width: int) -> Longs:
    """How many invoices since then hold each item, guests' included."""
    chosen = orders.sold & (orders.seconds >= since)
    held = distinct(orders.invoice[chosen].astype(np.int64) * max(1, width) + orders.item[chosen])
    return np.bincount(held % max(1, width), minlength=width)
