"""What a visitor comes upon: items of the visit's theme, what goes together with them, other favourites."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from log_generator.catalogue import STYLES, Catalogue
from log_generator.customers import FAVOURITES, Customers
from log_generator.traffic import DAY_S, season
from log_generator.visits import Visits

# Where a line comes from, up to each share: the visit's theme, its companion, a favourite, the shop's
# window; else anywhere.
_THEME, _COMPANION, _FAVOURITE, _WINDOW = 0.36, 0.52, 0.72, 0.90
_KEPT_STYLE = 0.6
_NEAR_ANCHOR = 0.5  # share of theme and companion lines that stand close to what the visit is about
_ANCHOR_WIDTH = 0.1
_POPULARITY_POWER = 1.8  # the larger, the more the first items of a cell are bought
_TREND_S = 28 * DAY_S  # after which the next item of a cell is the most popular one
_WINDOW_ITEMS, _WINDOW_S = 40, 28 * DAY_S  # so many items are shown off, each for four weeks
_SCATTER = 7_919  # a prime: spreads the window over all groups
_TRIES = 8  # at a cell whose items are sold out


@dataclass(frozen=True, slots=True)
class Shelves:
    catalogue: Catalogue
    customers: Customers

    def found(
        self, rng: np.random.Generator, visits: Visits, visit_of: NDArray[np.int64]
    ) -> NDArray[np.int32]:
        """One item for each line, given the visit it belongs to; it may be sold out."""
        lines = len(visit_of)
        who, times = visits.tastes[visit_of], visits.times[visit_of]
        theme = self._favourite(rng, visits.tastes, visits.times)[visit_of]
        source = rng.random(lines)
        groups = np.select(
            (source < _THEME, source < _COMPANION, source < _FAVOURITE),
            (theme, self.catalogue.companions[theme], self._favourite(rng, who, times)),
            rng.integers(len(self.catalogue.groups), size=lines),
        )
        kept = rng.random(lines) < _KEPT_STYLE
        styles = np.where(kept, self.customers.styles[who], rng.integers(STYLES, size=lines))
        anchored = (source < _COMPANION) & (rng.random(lines) < _NEAR_ANCHOR)
        ranks = self._ranks(rng, len(visits.times), visit_of, anchored)
        items = self._item(groups * STYLES + styles, ranks, times)
        shown_off = (source >= _FAVOURITE) & (source < _WINDOW)
        items[shown_off] = self._window(rng, times[shown_off])
        return items

    def in_stock(
        self, rng: np.random.Generator, items: NDArray[np.int32], times: NDArray[np.int64]
    ) -> NDArray[np.int32]:
        """What is not for sale at its time gives way to a neighbour, where all are gone to a lasting item."""
        for _ in range(_TRIES):
            missing = np.flatnonzero(~self.for_sale(items, times))
            if not len(missing):
                return items
            items[missing] = self.neighbours(rng, items[missing], times[missing])
        missing = np.flatnonzero(~self.for_sale(items, times))
        first, last = times.min(), times.max()
        lasting = np.flatnonzero((self.catalogue.appears <= first) & (last < self.catalogue.sells_out))
        items[missing] = rng.choice(lasting, len(missing))
        return items

    def neighbours(
        self, rng: np.random.Generator, items: NDArray[np.int32], times: NDArray[np.int64]
    ) -> NDArray[np.int32]:
        """Another item of the same group for each."""
        groups = self.catalogue.cells[items] // STYLES
        cells = groups * STYLES + rng.integers(STYLES, size=len(items), dtype=np.int32)
        return self._item(cells, rng.random(len(items)), times)

    def for_sale(self, items: NDArray[np.int32], times: NDArray[np.int64]) -> NDArray[np.bool_]:
        return (self.catalogue.appears[items] <= times) & (times < self.catalogue.sells_out[items])

    def _favourite(
        self, rng: np.random.Generator, who: NDArray[np.int64], times: NDArray[np.int64]
    ) -> NDArray[np.int32]:
        """One of each customer's favourite groups: the heavier and the more in season, the likelier."""
        favourites = self.customers.favourites[who]
        seasons = season(self.catalogue.departments[favourites], times[:, None])
        weights = np.cumsum(self.customers.weights[who] * seasons, axis=1)
        chosen = (rng.random(len(who))[:, None] * weights[:, -1:] >= weights).sum(axis=1)
        chosen = np.minimum(chosen, FAVOURITES - 1)
        groups: NDArray[np.int32] = favourites[np.arange(len(who)), chosen]
        return groups

    def _window(self, rng: np.random.Generator, times: NDArray[np.int64]) -> NDArray[np.int32]:
        """One of the items in the shop's window, the first ones more often."""
        place = (rng.random(len(times)) ** _POPULARITY_POWER * _WINDOW_ITEMS).astype(np.int64)
        turn = (times + place * (_WINDOW_S // _WINDOW_ITEMS)) // _WINDOW_S
        mixed = (turn * _WINDOW_ITEMS + place) * _SCATTER
        items: NDArray[np.int32] = (mixed % len(self.catalogue)).astype(np.int32)
        return items

    def _ranks(
        self,
        rng: np.random.Generator,
        visits: int,
        visit_of: NDArray[np.int64],
        anchored: NDArray[np.bool_],
    ) -> NDArray[np.float64]:
        """The relative place in its cell: near the visit's own where it is anchored, else near the front."""
        anchors = rng.random(visits)[visit_of] ** _POPULARITY_POWER
        near = np.minimum(anchors + _ANCHOR_WIDTH * rng.random(len(visit_of)), np.nextafter(1, 0))
        return np.where(anchored, near, rng.random(len(visit_of)) ** _POPULARITY_POWER)

    def _item(
        self, cells: NDArray[np.int32], ranks: NDArray[np.float64], times: NDArray[np.int64]
    ) -> NDArray[np.int32]:
        sizes = self.catalogue.cell_sizes[cells]
        place = ((ranks * sizes).astype(np.int64) + times // _TREND_S + cells) % sizes
        return (self.catalogue.cell_starts[cells] + place).astype(np.int32)
