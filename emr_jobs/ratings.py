"""What each known customer bought of each item, and what that is worth as a rating. Used by the model."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from emr_jobs.orders import DAY_SECONDS, GUEST, Ints, Longs, Orders

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Grain: one customer and one item they bought, sorted by both. An invoice with it is one purchase."""

    shape: tuple[int, int]  # customers, items
    customer: Ints
    item: Ints
    kept: npt.NDArray[np.bool_]  # not all of it came back
    first: Longs  # seconds
    last: Longs
    purchases: Ints
    starts: Longs  # where each customer's pairs begin, and the end of the last
    _seconds: Longs  # of each purchase, by pair
    _starts: Longs  # each pair's first row in _seconds

    def __len__(self) -> int:
        return len(self.item)

    def of(self, customers: Ints) -> tuple[Longs, Longs]:
        """The pairs of these customers: each one's place among `customers`, and the pair."""
        sizes = self.starts[customers + 1] - self.starts[customers]
        place = np.repeat(np.arange(len(customers)), sizes)
        within = np.arange(len(place)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return place, self.starts[customers][place] + within

    def decayed(self, now: int, half_life_days: float) -> Floats:
        """Each pair's purchases, one counting half as much with each half-life of age."""
        if not len(self):
            return np.empty(0, np.float32)
        ages = (now - self._seconds) / (DAY_SECONDS * half_life_days)
        return np.add.reduceat(np.exp2(-ages), self._starts).astype(np.float32)

    def matrix(self, values: Floats) -> sparse.csr_matrix:
        """The pairs as a customers by items matrix of these values; a value of zero is no entry."""
        matrix = sparse.csr_matrix((values, self.item, self.starts), shape=self.shape, copy=True)
        matrix.eliminate_zeros()
        return matrix


def pairs(orders: Orders) -> Pairs:
    known = orders.customer != GUEST
    width = max(1, len(orders.items))
    line_pair = orders.customer.astype(np.int64) * width + orders.item
    purchased = known & orders.sold
    bought, seconds = _purchases(line_pair[purchased], orders.invoice[purchased], orders.seconds[purchased])
    pair, starts = np.unique(bought, return_index=True)
    customer = (pair // width).astype(np.int32)
    net = np.zeros(len(pair), np.int64)
    counted = known & np.isin(line_pair, pair)
    np.add.at(net, np.searchsorted(pair, line_pair[counted]), orders.quantity[counted])
    return Pairs(
        shape=(len(orders.customers), len(orders.items)),
        customer=customer,
        item=(pair % width).astype(np.int32),
        kept=net > 0,
        first=np.minimum.reduceat(seconds, starts) if len(pair) else seconds,
        last=np.maximum.reduceat(seconds, starts) if len(pair) else seconds,
        purchases=np.diff(np.append(starts, len(bought))).astype(np.int32),
        starts=np.searchsorted(customer, np.arange(len(orders.customers) + 1)).astype(np.int64),
        _seconds=seconds,
        _starts=starts,
    )


def ratings(bought: Pairs, now: int, half_life_days: float) -> Floats:
    """Each pair's purchases decayed, mean 1; 0 where all of it came back."""
    decayed = np.where(bought.kept, bought.decayed(now, half_life_days), np.float32(0))
    rated = decayed[decayed > 0]
    return decayed / rated.mean() if len(rated) else decayed


def _purchases(pair: Longs, invoice: Ints, seconds: Longs) -> tuple[Longs, Longs]:
    """One row for each pair and invoice, sorted; a code repeats inside an invoice."""
    order = np.lexsort((seconds, invoice, pair))
    pair, invoice, seconds = pair[order], invoice[order], seconds[order]
    new = np.ones(len(pair), np.bool_)
    new[1:] = (pair[1:] != pair[:-1]) | (invoice[1:] != invoice[:-1])
    return pair[new], seconds[new]
