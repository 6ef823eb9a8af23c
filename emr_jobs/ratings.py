"""What each known customer bought of each item, and what that is worth as a rating. Used by the model."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from emr_jobs.compiled import compiled
from emr_jobs.orders import DAY_SECONDS, GUEST, Flags, Ints, Longs, Orders

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

    def only(self, customers: Ints) -> "Pairs":
        """What these customers bought; rows are their places among `customers`."""
        place, pair = self.of(customers)
        purchases = self.purchases[pair]
        ends = np.cumsum(purchases, dtype=np.int64)
        starts = ends - purchases
        purchase = np.repeat(self._starts[pair] - starts, purchases) + np.arange(len(place) and ends[-1])
        sizes = self.starts[customers + 1] - self.starts[customers]
        return Pairs(
            shape=(len(customers), self.shape[1]),
            customer=place.astype(np.int32),
            item=self.item[pair],
            kept=self.kept[pair],
            first=self.first[pair],
            last=self.last[pair],
            purchases=purchases,
            starts=np.append(0, np.cumsum(sizes)),
            _seconds=self._seconds[purchase],
            _starts=starts,
        )

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
    keys = orders.customer, orders.item, orders.invoice, orders.seconds
    order = slice(None) if _in_order(*keys) else np.lexsort(keys[::-1])
    lines = (*(key[order] for key in keys), orders.quantity[order], orders.sold[order])
    customer, item, net, first, last, purchases, seconds = _counted(*lines)
    shape = len(orders.customers), len(orders.items)
    ends = np.cumsum(purchases, dtype=np.int64)
    return Pairs(
        shape=shape,
        customer=customer,
        item=item,
        kept=net > 0,
        first=first,
        last=last,
        purchases=purchases,
        starts=np.append(0, np.cumsum(np.bincount(customer, minlength=shape[0]))),
        _seconds=seconds,
        _starts=ends - purchases,
    )


def ratings(bought: Pairs, now: int, half_life_days: float) -> Floats:
    """Each pair's purchases decayed, mean 1; 0 where all of it came back."""
    decayed = np.where(bought.kept, bought.decayed(now, half_life_days), np.float32(0))
    rated = decayed[decayed > 0]
    return decayed / rated.mean() if len(rated) else decayed


@compiled()
def _in_order(customer: Ints, item: Ints, invoice: Ints, seconds: Longs) -> bool:
    """Whether the lines are sorted by these, as those of orders.from_arrow are."""
    for line in range(1, len(item)):
        for column in (customer, item, invoice):
            if column[line - 1] != column[line]:
                if column[line - 1] > column[line]:
                    return False
                break
        else:
            if seconds[line - 1] > seconds[line]:
                return False
    return True


@compiled()
def _counted(
    customer: Ints, item: Ints, invoice: Ints, seconds: Longs, quantity: Longs, sold: Flags
) -> tuple[Ints, Ints, Longs, Longs, Longs, Ints, Longs]:
    """Of each pair with a sale: its names, net quantity, first and last sale, purchases; and each one's time.

    Lines of a pair stand together, a code's lines of an invoice too: they are one purchase.
    """
    customers, items = np.empty_like(customer), np.empty_like(item)
    net, first, last = np.empty_like(quantity), np.empty_like(seconds), np.empty_like(seconds)
    purchases, times = np.empty_like(customer), np.empty_like(seconds)
    found, bought, line = 0, 0, 0
    while line < len(item):
        begin, newest, before, pieces = line, line, bought, 0
        while line < len(item) and customer[line] == customer[begin] and item[line] == item[begin]:
            pieces += quantity[line]
            if sold[line] and (bought == before or invoice[line] != invoice[newest]):
                times[bought], newest = seconds[line], line
                bought += 1
            line += 1
        if bought == before or customer[begin] == GUEST:
            bought = before
            continue
        customers[found], items[found], net[found] = customer[begin], item[begin], pieces
        first[found], last[found] = times[before:bought].min(), times[before:bought].max()
        purchases[found] = bought - before
        found += 1
    pair = slice(found)
    return customers[pair], items[pair], net[pair], first[pair], last[pair], purchases[pair], times[:bought]
