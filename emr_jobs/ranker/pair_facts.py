"""What is known of each pair bought: how often, how lately, at what rhythm. Feature columns."""

import numpy as np

from emr_jobs.als.kernel import Floats, Longs
from emr_jobs.candidates.group import Group
from emr_jobs.candidates.past import days_since

HALF_LIVES_DAYS = (14.0, 30.0, 90.0, 180.0)
NAMES = (
    *(f"own_{half_life:.0f}" for half_life in HALF_LIVES_DAYS),
    *("own_count", "own_last", "own_first", "own_gap", "own_due", "own_share", "own_quantity", "own_kept"),
)
NEVER_DAYS = np.float32(1e4)  # of a customer who never bought the item
# What a column holds for an item that was never bought; 0 where it is not named.
UNBOUGHT = {
    "own_last": NEVER_DAYS,
    "own_first": NEVER_DAYS,
    "own_gap": NEVER_DAYS,
    "own_due": np.float32(-1),
}


def columns(group: Group, orders: Floats) -> dict[str, Floats]:
    """A value for each pair of the group's; `orders` is how many invoices each customer has."""
    bought, now = group.bought, group.past.now
    last, first = days_since(now, bought.last), days_since(now, bought.first)
    often = bought.purchases > 1
    gap = (first - last) / np.maximum(1, bought.purchases - 1)
    found = {f"own_{half_life:.0f}": bought.decayed(now, half_life) for half_life in HALF_LIVES_DAYS} | {
        "own_count": bought.purchases,
        "own_last": last,
        "own_first": first,
        "own_gap": np.where(often, gap, NEVER_DAYS),
        "own_due": np.where(often, last / (gap + 1), UNBOUGHT["own_due"]),
        "own_share": bought.purchases / np.maximum(1, orders[bought.customer]),
        "own_quantity": np.log1p(_quantity(group) / np.maximum(1, bought.purchases)),
        "own_kept": bought.kept,
    }
    return {name: np.asarray(values, np.float32) for name, values in found.items()}


def _quantity(group: Group) -> Longs:
    """How many pieces of each pair were sold."""
    bought, sales = group.bought, group.sales
    width = max(1, bought.shape[1])
    pairs = bought.customer.astype(np.int64) * width + bought.item
    place = np.searchsorted(pairs, sales.customer.astype(np.int64) * width + sales.item)
    return np.bincount(place, sales.quantity, minlength=len(bought)).astype(np.int64)
