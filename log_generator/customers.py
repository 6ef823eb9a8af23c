"""Who buys: customers with lasting tastes, habits with their own rhythm, and a day on which they came."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from log_generator.catalogue import STYLES, Catalogue
from log_generator.traffic import DAY_S
from log_generator.words import COUNTRIES, HOME_COUNTRY

GUEST = -1
FIRST_CUSTOMER = 12_346  # as in the public file
FAVOURITES = 4  # groups a customer cares for
HABITS = 12  # items bought again and again
NEWCOMERS = 0.2  # share of customers who come only within the shop's span
BULK_BUYERS = 0.04
ABROAD = 0.12
ALL_COUNTRIES = (HOME_COUNTRY, *COUNTRIES)
_TASTES_AT_ONCE = 65_536  # customers; bounds the memory of the draw
LOYALTY_SIGMA = 1.2  # of the log of how often they come: a tenth of the customers makes half of the orders
RHYTHM_DAYS = (3, 18)


@dataclass(frozen=True, slots=True)
class Customers:
    """In the order in which they came, so that those known at a time are the first ones."""

    ids: tuple[str, ...]
    joined: NDArray[np.int64]  # epoch seconds, ascending
    visits_before: NDArray[np.float64]  # how often all customers up to this one come, ascending
    favourites: NDArray[np.int32]  # (customer, FAVOURITES) groups
    weights: NDArray[np.float64]  # how much each favourite matters; a row sums to 1
    styles: NDArray[np.int32]
    habits: NDArray[np.int32]  # (customer, HABITS) items
    rhythm_s: NDArray[np.float64]  # seconds between two purchases of each habit
    phase_s: NDArray[np.float64]
    bulk: NDArray[np.bool_]
    countries: NDArray[np.int32]  # places in ALL_COUNTRIES

    def __len__(self) -> int:
        return len(self.ids)

    def visiting(self, chances: NDArray[np.float64], times: NDArray[np.int64]) -> NDArray[np.int64]:
        """Who comes at each time, given a chance in [0, 1): the loyal more often, nobody before joining."""
        known = np.maximum(np.searchsorted(self.joined, times, side="right"), 1)
        found = np.searchsorted(self.visits_before, chances * self.visits_before[known - 1], side="right")
        places: NDArray[np.int64] = np.minimum(found, known - 1)
        return places


def make_customers(seed: int, size: int, opened: int, span: int, catalogue: Catalogue) -> Customers:
    rng = np.random.default_rng((seed, 2))
    favourites, weights = _tastes(rng, size, len(catalogue.groups))
    styles = rng.integers(STYLES, size=size, dtype=np.int32)
    joined = np.full(size, opened, np.int64)
    new = int(size * NEWCOMERS)
    joined[size - new :] = np.sort(opened + rng.integers(0, span, new))
    rhythm = rng.uniform(*RHYTHM_DAYS, (size, HABITS)) * DAY_S
    abroad = rng.random(size) < ABROAD
    return Customers(
        ids=tuple(map(str, range(FIRST_CUSTOMER, FIRST_CUSTOMER + size))),
        joined=joined,
        visits_before=np.cumsum(rng.lognormal(0, LOYALTY_SIGMA, size)),
        favourites=favourites,
        weights=weights,
        styles=styles,
        habits=_habits(rng, catalogue, favourites, weights, styles),
        rhythm_s=rhythm,
        phase_s=rng.random((size, HABITS)) * rhythm,
        bulk=rng.random(size) < BULK_BUYERS,
        countries=np.where(abroad, rng.integers(1, len(ALL_COUNTRIES), size), 0).astype(np.int32),
    )


def _tastes(
    rng: np.random.Generator, size: int, groups: int
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Favourite groups, the well-loved ones more often, none twice; the first weighs most."""
    love = 1.0 / (3.0 + np.arange(groups))
    log_love = np.log(rng.permutation(love)).astype(np.float32)
    favourites = np.concatenate(
        [
            _sampled(rng, min(_TASTES_AT_ONCE, size - start), log_love)
            for start in range(0, size, _TASTES_AT_ONCE)
        ]
    )
    weights = rng.gamma((6.0, 3.0, 2.0, 1.0), size=(size, FAVOURITES))
    return favourites, weights / weights.sum(axis=1, keepdims=True)


def _sampled(rng: np.random.Generator, size: int, log_love: NDArray[np.float32]) -> NDArray[np.int32]:
    """FAVOURITES groups for each customer, the heaviest of Gumbel keys: a draw without putting back."""
    waits = rng.standard_exponential((size, len(log_love)), np.float32)
    keys = log_love - np.log(np.maximum(waits, np.finfo(np.float32).tiny))
    places = min(FAVOURITES, len(log_love))
    favourites = np.argsort(-keys, axis=1)[:, :places]
    return np.resize(favourites.T, (FAVOURITES, size)).T.astype(np.int32)  # two groups stand twice for four


def _habits(
    rng: np.random.Generator,
    catalogue: Catalogue,
    favourites: NDArray[np.int32],
    weights: NDArray[np.float64],
    styles: NDArray[np.int32],
) -> NDArray[np.int32]:
    size = len(styles)
    chances = rng.random((size, HABITS, 1))
    place = np.minimum((chances > np.cumsum(weights, axis=1)[:, None, :]).sum(axis=2), FAVOURITES - 1)
    groups = np.take_along_axis(favourites, place, axis=1)
    cells = groups * STYLES + styles[:, None]
    inside = (rng.random((size, HABITS)) ** 2.0 * catalogue.cell_sizes[cells]).astype(np.int64)
    items: NDArray[np.int32] = (catalogue.cell_starts[cells] + inside).astype(np.int32)
    return items
