"""What is bought when: one block of orders after the other, each an exact number of lines.

A block follows from the seed, its first sequence number, its times, and the blocks before it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from log_generator.catalogue import Catalogue
from log_generator.customers import GUEST, Customers
from log_generator.fees import FEES, POSTAGE
from log_generator.shelves import Shelves
from log_generator.visits import Door, Visits

# A basket: one line at least, about ten on average, a few very large.
_BASKET_LOG_MEAN, _BASKET_LOG_SIGMA = 1.75, 0.8
_MAX_BASKET = 200
_MEAN_BASKET = 7.0
_CREDIT_NOTES = 0.12  # share of the invoices; each takes one line back
_FEES_ABROAD, _FEES_AT_HOME = 0.5, 0.02  # shares of the invoices that end with a fee
_HABITUAL = 0.88  # share of a known customer's lines, as far as habits are due
_REDRAWS = 2  # of items that stand twice on an invoice: as many stay as in the public file
_ONE_PACK = 0.55  # chance that one pack is enough, and again for each further one
_BULK_PACKS = np.array([10, 12, 24, 48, 100], np.int32)
_REMEMBERED = 20_000  # the newest purchases, out of which goods come back

Moments = Callable[[NDArray[np.float64]], NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class Orders:
    """Lines in order; what the lines of an invoice share stands once for each invoice."""

    times: NDArray[np.int64]  # by invoice: epoch seconds, ascending
    customers: NDArray[np.int64]  # by invoice; GUEST for a guest
    countries: NDArray[np.int32]  # by invoice
    bulk: NDArray[np.bool_]  # by invoice: at a bulk buyer's prices
    returned: NDArray[np.bool_]  # by invoice: a credit note
    invoice_of: NDArray[np.int64]  # by line, ascending
    items: NDArray[np.int32]  # by line: an item of the catalogue; from the catalogue's size on a fee
    quantities: NDArray[np.int32]  # by line; negative on a credit note

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True, slots=True)
class Purchase:
    """What was bought, by line, for the day it comes back."""

    customers: NDArray[np.int64]
    countries: NDArray[np.int32]
    bulk: NDArray[np.bool_]
    items: NDArray[np.int32]
    quantities: NDArray[np.int32]


class Demand:
    """The customers at work."""

    def __init__(self, seed: int, start: int, catalogue: Catalogue, customers: Customers) -> None:
        self._seed = seed
        self._catalogue = catalogue
        self._customers = customers
        self._shelves = Shelves(catalogue, customers)
        self._door = Door.opened(seed, start, customers)
        nothing = np.empty(0, np.int32)
        self._bought = Purchase(nothing.astype(np.int64), nothing, nothing.astype(bool), nothing, nothing)

    def block(self, lines: int, first_sequence: int, moments: Moments) -> Orders:
        """`lines` lines; `moments` says when a share in [0, 1) of them has been sold, in epoch seconds."""
        rng = np.random.default_rng((self._seed, 3, first_sequence))
        sizes, returned = _invoices(rng, lines, returns=len(self._bought.items) > 0)
        visits = self._door.visits(rng, moments((np.cumsum(sizes) - sizes) / lines))
        known = visits.customers != GUEST
        orders = Orders(
            times=visits.times,
            customers=visits.customers,
            countries=np.where(known, self._customers.countries[visits.tastes], 0).astype(np.int32),
            bulk=self._customers.bulk[visits.tastes] & known,
            returned=returned,
            invoice_of=np.repeat(np.arange(len(sizes)), sizes),
            items=np.empty(lines, np.int32),
            quantities=np.empty(lines, np.int32),
        )
        self._fill(rng, orders, visits, sizes)
        self._charge(rng, orders, sizes)
        self._take_back(rng, orders)
        self._remember(orders)
        return orders

    def _fill(
        self, rng: np.random.Generator, orders: Orders, visits: Visits, sizes: NDArray[np.int64]
    ) -> None:
        """Every basket: first some habits that are due, then what the visitor comes upon."""
        invoice_of = orders.invoice_of
        place = np.arange(len(orders)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        habits, due = self._door.due_habits(rng, visits)
        habitual_lines = np.minimum(rng.binomial(sizes, _HABITUAL), due.sum(axis=1))
        habitual = np.flatnonzero(place < habitual_lines[invoice_of])
        items = self._shelves.found(rng, visits, invoice_of)
        items[habitual] = habits[invoice_of[habitual], place[habitual]]
        times = visits.times[invoice_of]
        for _ in range(_REDRAWS):
            doubled = _doubled(invoice_of * len(self._catalogue) + items)
            items[doubled] = self._shelves.neighbours(rng, items[doubled], times[doubled])
            items = self._shelves.in_stock(rng, items, times)
        orders.items[:] = items
        packs = rng.geometric(_ONE_PACK, len(items)).astype(np.int32)
        bulk = orders.bulk[invoice_of]
        packs[bulk] *= rng.choice(_BULK_PACKS, int(bulk.sum()))
        orders.quantities[:] = self._catalogue.packs[items] * packs

    def _charge(self, rng: np.random.Generator, orders: Orders, sizes: NDArray[np.int64]) -> None:
        """A fee is the last line of an invoice of at least two: postage abroad, other fees at home."""
        abroad = orders.countries > 0
        chance = np.where(abroad, _FEES_ABROAD, _FEES_AT_HOME)
        charged = np.flatnonzero((sizes > 1) & (rng.random(len(sizes)) < chance))
        last = np.cumsum(sizes)[charged] - 1
        postage = rng.integers(0, len(POSTAGE), len(charged))
        other = rng.integers(len(POSTAGE), len(FEES), len(charged))
        orders.items[last] = len(self._catalogue) + np.where(abroad[charged], postage, other)
        orders.quantities[last] = 1

    def _take_back(self, rng: np.random.Generator, orders: Orders) -> None:
        """A credit note takes back some of what one line bought before."""
        notes = np.flatnonzero(orders.returned)
        lines = np.searchsorted(orders.invoice_of, notes)
        bought = rng.integers(0, max(1, len(self._bought.items)), len(notes))
        orders.customers[notes] = self._bought.customers[bought]
        orders.countries[notes] = self._bought.countries[bought]
        orders.bulk[notes] = self._bought.bulk[bought]
        orders.items[lines] = self._bought.items[bought]
        orders.quantities[lines] = -rng.integers(1, self._bought.quantities[bought] + 1)

    def _remember(self, orders: Orders) -> None:
        invoice_of = orders.invoice_of
        kept = np.flatnonzero(~orders.returned[invoice_of] & (orders.items < len(self._catalogue)))
        invoices = invoice_of[kept]
        old = self._bought
        self._bought = Purchase(
            np.concatenate((old.customers, orders.customers[invoices]))[-_REMEMBERED:],
            np.concatenate((old.countries, orders.countries[invoices]))[-_REMEMBERED:],
            np.concatenate((old.bulk, orders.bulk[invoices]))[-_REMEMBERED:],
            np.concatenate((old.items, orders.items[kept]))[-_REMEMBERED:],
            np.concatenate((old.quantities, orders.quantities[kept]))[-_REMEMBERED:],
        )


def _invoices(
    rng: np.random.Generator, lines: int, *, returns: bool
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """How many lines each invoice has, exactly `lines` in all, and which are credit notes."""
    sizes = np.empty(0, np.int64)
    returned = np.empty(0, bool)
    while sizes.sum() < lines:
        more = int((lines - sizes.sum()) / _MEAN_BASKET) + 10
        drawn = rng.lognormal(_BASKET_LOG_MEAN, _BASKET_LOG_SIGMA, more).astype(np.int64)
        notes = (rng.random(more) < _CREDIT_NOTES) & returns
        sizes = np.concatenate((sizes, np.where(notes, 1, np.clip(drawn, 1, _MAX_BASKET))))
        returned = np.concatenate((returned, notes))
    ends = np.cumsum(sizes)
    count = int(np.searchsorted(ends, lines)) + 1
    sizes = sizes[:count]
    sizes[-1] -= ends[count - 1] - lines
    return sizes, returned[:count]


def _doubled(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """The places of all but the first of equal keys."""
    order = np.argsort(keys, kind="stable")
    again: NDArray[np.int64] = order[1:][keys[order[1:]] == keys[order[:-1]]]
    return again
