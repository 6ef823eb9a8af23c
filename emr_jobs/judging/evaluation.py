"""How good lists are, by what was bought after them: one global time cut, full ranking, means over customers.

Judged are the customers known at the cut who bought in the window. An item that nobody had bought before
the cut counts as missed. Used by backtest.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from emr_jobs.als.kernel import Ints, Longs
from emr_jobs.orders import DAY_SECONDS, GUEST, Orders
from emr_jobs.ratings import Pairs

Doubles = npt.NDArray[np.float64]

RESAMPLES = 2_000  # of the bootstrap: its 95 % interval then moves in the fourth digit only


class OverlapError(ValueError):
    """Orders to learn from lie in the window to be foretold."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What the judged customers bought in the window."""

    customers: Ints  # rows of the known orders, sorted
    sizes: Ints  # how many items each bought
    keys: Longs  # customer * width + item, sorted; only items known at the cut
    width: int


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean difference, and between what bounds it lies in 95 of 100 resamples of the customers."""

    mean: float
    low: float
    high: float


def split(orders: Orders, cut: int, days: float) -> tuple[Orders, Orders]:
    """What was known at the cut, and the days from it on."""
    return (
        orders.where(orders.seconds < cut),
        orders.where((orders.seconds >= cut) & (orders.seconds < cut + days * DAY_SECONDS)),
    )


def truth(known: Orders, bought: Pairs, window: Orders, *, novel: bool) -> Truth:
    """What was bought in the window; with `novel`, only what that customer had never bought before."""
    if len(known) and len(window) and known.seconds.max() >= window.seconds.min():
        raise OverlapError(
            "orders to learn from are not all older than the window: a cut in time must part them"
        )
    sold = window.sold & (window.customer != GUEST)
    width = len(known.items) + len(window.items)  # items that are new in the window come after the known ones
    customer = _rows(window.customers, known.customers, -1)[window.customer[sold]]
    item = _rows(window.items, known.items, len(known.items))[window.item[sold]]
    active = np.isin(customer, bought.customer)
    keys = np.unique(customer[active] * width + item[active])
    if novel:
        keys = np.setdiff1d(keys, bought.customer.astype(np.int64) * width + bought.item)
    customers, sizes = np.unique(keys // width, return_counts=True)
    return Truth(
        customers.astype(np.int32), sizes.astype(np.int32), keys[keys % width < len(known.items)], width
    )


def ndcg(best: Ints, bought: Truth, length: int) -> Doubles:
    """Each judged customer's NDCG of the first entries; `best` has a row for every known customer."""
    discounts = 1 / np.log2(np.arange(2, length + 2))
    ideal = np.append(0, np.cumsum(discounts))[np.minimum(bought.sizes, length)]
    return np.asarray(_hits(best, bought, length) @ discounts / ideal, np.float64)


def recall(best: Ints, bought: Truth, length: int) -> Doubles:
    """Each judged customer's share of what they bought that stands in the first `length` entries."""
    return np.asarray(_hits(best, bought, length).sum(axis=1) / bought.sizes, np.float64)


def paired(ours: Doubles, theirs: Doubles, seed: int = 0) -> Interval:
    """How much better `ours` is, customer by customer."""
    gain = ours - theirs
    noise = np.random.default_rng(seed)
    means = [gain[noise.integers(0, len(gain), len(gain))].mean() for _ in range(RESAMPLES)]
    low, high = np.quantile(means, (0.025, 0.975))
    return Interval(float(gain.mean()), float(low), float(high))


def _hits(best: Ints, bought: Truth, length: int) -> npt.NDArray[np.bool_]:
    shown = best[bought.customers, :length]
    hits = np.isin(bought.customers[:, None].astype(np.int64) * bought.width + shown, bought.keys)
    return np.pad(hits & (shown >= 0), ((0, 0), (0, length - shown.shape[1])))


def _rows(names: pa.StringArray, among: pa.StringArray, unknown: int) -> Longs:
    """The row of each name among others; unknown ones get rows of their own from `unknown` on, or -1."""
    places = pc.fill_null(pc.index_in(names, among), -1)
    rows: Longs = places.to_numpy(zero_copy_only=False).astype(np.int64)
    if unknown >= 0:
        rows[rows < 0] = unknown + np.arange(int((rows < 0).sum()))
    return rows
