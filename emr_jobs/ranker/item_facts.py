"""What is known of each item: how it sells lately and ever, its age, its price. Feature columns."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from emr_jobs.als.kernel import Floats, Ints, Longs
from emr_jobs.candidates.past import Past, days_since
from emr_jobs.compiled import compiled
from emr_jobs.orders import DAY_SECONDS, Flags, Orders, distinct

Doubles = npt.NDArray[np.float64]

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
    recent = np.zeros((len(POPULAR_DAYS), width), np.float32)
    fresh, again = np.zeros(width, np.float32), np.zeros(width, np.float32)
    _count_buyers(bought.item, bought.first, bought.last, bought.purchases, past.now, recent, fresh, again)
    popular = {f"popular_{days}": row for days, row in zip(POPULAR_DAYS, recent, strict=True)}
    buyers = np.bincount(bought.item, minlength=width).astype(np.float32)
    purchases = np.bincount(bought.item, bought.purchases, width)
    sold = sales(orders, past.now)
    found = popular | {
        "popular_ever": buyers,
        "popular_new": fresh,
        "invoices_14": _invoices(orders, past.now - 14 * DAY_SECONDS, width),
        "item_age": days_since(past.now, sold.earliest),
        "item_quiet": days_since(past.now, sold.latest),
        "item_again": again / (buyers + _AGAIN_SHRINK),
        "item_price": sold.prices,
        "item_trend": popular["popular_7"] / (popular["popular_30"] + _TREND_SHRINK),
        "item_quantity": np.log1p(sold.pieces / np.maximum(1, purchases)),
    }
    return {name: np.asarray(values, np.float32) for name, values in found.items()}


@dataclass(frozen=True, slots=True)
class Sales:
    """Grain: one item. Guests' sales are in it."""

    earliest: Longs  # seconds; now where it was never sold
    latest: Longs
    pieces: Doubles
    paid: Doubles

    @property
    def prices(self) -> Floats:
        """The logarithm of each item's mean price a piece."""
        mean = self.paid / np.maximum(1, self.pieces)
        return np.log(np.maximum(_LEAST_PRICE, mean)).astype(np.float32)


def sales(orders: Orders, now: int) -> Sales:
    width = len(orders.items)
    found = Sales(np.full(width, now), np.zeros(width, np.int64), np.zeros(width), np.zeros(width))
    lines = orders.item, orders.seconds, orders.quantity, orders.price, orders.sold
    _add_sales(*lines, found.earliest, found.latest, found.pieces, found.paid)
    return found


def _invoices(orders: Orders, since: int, width: int) -> Longs:
    """How many invoices since then hold each item, guests' included."""
    chosen = orders.sold & (orders.seconds >= since)
    held = distinct(orders.invoice[chosen].astype(np.int64) * max(1, width) + orders.item[chosen])
    return np.bincount(held % max(1, width), minlength=width)


@compiled()
def _count_buyers(
    item: Ints,
    first: Longs,
    last: Longs,
    purchases: Ints,
    now: int,
    recent: Floats,
    fresh: Floats,
    again: Floats,
) -> None:
    for pair in range(len(item)):
        bought = item[pair]
        for row in range(len(POPULAR_DAYS)):
            recent[row, bought] += now - last[pair] <= POPULAR_DAYS[row] * DAY_SECONDS
        fresh[bought] += now - first[pair] <= _NEW_DAYS * DAY_SECONDS
        again[bought] += purchases[pair] > 1


@compiled()
def _add_sales(
    item: Ints,
    seconds: Longs,
    quantity: Longs,
    price: Floats,
    sold: Flags,
    earliest: Longs,
    latest: Longs,
    pieces: Doubles,
    paid: Doubles,
) -> None:
    for line in range(len(item)):
        if sold[line]:
            bought = item[line]
            earliest[bought] = min(earliest[bought], seconds[line])
            latest[bought] = max(latest[bought], seconds[line])
            pieces[bought] += quantity[line]
            paid[bought] += quantity[line] * np.float64(price[line])
