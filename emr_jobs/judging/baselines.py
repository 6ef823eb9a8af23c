"""Everything our lists are compared with, from popularity to EASE, by our own code and on the same orders."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from contracts.lists import SHOWN_ENTRIES
from emr_jobs import model
from emr_jobs.als.kernel import Floats, Ints
from emr_jobs.candidates.links import spread
from emr_jobs.candidates.past import Past
from emr_jobs.judging import dense, plain_lists
from emr_jobs.lists import rankings
from emr_jobs.model import Model
from emr_jobs.settings import Settings

Lists = dict[str, Ints]

EASE_ITEMS = 8_000  # the inverse of a larger catalogue's matrix is left out: it takes minutes and gigabytes
EASE_RIDGE = 200.0
TIFU_CUSTOMERS = 300  # neighbours
TIFU_OWN = 0.7  # the customer's own part beside the neighbours'
TIFU_HALF_LIFE_DAYS = 90.0
TIFU_CELLS = 100_000_000  # customers by items, beyond which it is left out
TUTORIAL_RANK, TUTORIAL_WEIGHT = 20, 40.0


@dataclass(frozen=True, slots=True)
class Baseline:
    name: str
    seeded: bool  # its lists depend on the seed
    rank: Callable[[Past, Ints, Settings, int], Lists]  # those of the judged customers
    fits: Callable[[Past], bool] = lambda _past: True


def popular_ever(past: Past, _customers: Ints, _settings: Settings, _seed: int) -> Lists:
    return plain_lists.popular(past, None)


def popular_lately(past: Past, _customers: Ints, _settings: Settings, _seed: int) -> Lists:
    return plain_lists.popular(past, plain_lists.LATELY_DAYS)


def own_purchases(past: Past, _customers: Ints, _settings: Settings, _seed: int) -> Lists:
    return plain_lists.again(past, plain_lists.LATELY_DAYS)


def tifu(past: Past, customers: Ints, _settings: Settings, _seed: int) -> Lists:
    """What a customer bought, fading, beside what those who buy most alike do (after TIFU-KNN)."""
    bought = past.fitted.bought
    own = bought.matrix(np.where(bought.kept, bought.decayed(past.now, TIFU_HALF_LIFE_DAYS), np.float32(0)))
    lengths = np.sqrt(np.asarray(own.multiply(own).sum(axis=1)).ravel())
    unit = sparse.diags_array(1 / np.maximum(lengths, np.float32(1e-9)), dtype=np.float32).tocsr() @ own

    def scores(block: Ints) -> Floats:
        alike = (unit[block] @ unit.T).toarray()
        alike[np.arange(len(block)), block] = 0
        least = np.partition(alike, -min(TIFU_CUSTOMERS, alike.shape[1]), axis=1)
        bar = least[:, -min(TIFU_CUSTOMERS, alike.shape[1])][:, None]
        near = sparse.csr_matrix(np.where((alike >= bar) & (alike > 0), np.float32(1), np.float32(0)))
        others = (near @ own).toarray() / np.maximum(1, np.asarray(near.sum(axis=1)))
        mixed = TIFU_OWN * own[block].toarray() + (1 - TIFU_OWN) * others
        return np.asarray(mixed, np.float32)

    return dense.lists(past, customers, scores)


def item_neighbours(past: Past, customers: Ints, _settings: Settings, _seed: int) -> Lists:
    bought = past.fitted.bought

    def scores(block: Ints) -> Floats:
        found = np.zeros((len(block), bought.shape[1]), np.float32)
        kept = bought.kept.astype(np.float32)
        links = past.company.alike
        spread(block, bought.starts, bought.item, kept, links.others, links.strengths, found)
        return found

    return dense.lists(past, customers, scores)


def ease(past: Past, customers: Ints, _settings: Settings, _seed: int) -> Lists:
    """The linear item model with a closed form, over what was ever bought."""
    bought = past.fitted.bought
    held = bought.matrix(bought.kept.astype(np.float32))
    gram = (held.T @ held).toarray().astype(np.float64)
    gram[np.diag_indices_from(gram)] += EASE_RIDGE
    inverse = np.linalg.inv(gram)
    weights = (-inverse / np.diag(inverse)).astype(np.float32)
    np.fill_diagonal(weights, 0)
    return dense.lists(past, customers, lambda block: np.asarray(held[block] @ weights, np.float32))


def als_tutorial(past: Past, _customers: Ints, settings: Settings, seed: int) -> Lists:
    """ALS as the tutorials do it: pieces bought as ratings, alpha 40, rank 20."""
    bought, orders = past.fitted.bought, past.orders
    width = max(1, bought.shape[1])
    pairs = bought.customer.astype(np.int64) * width + bought.item
    sold = orders.sold & (orders.customer >= 0)
    place = np.searchsorted(pairs, orders.customer[sold].astype(np.int64) * width + orders.item[sold])
    pieces = np.bincount(place, orders.quantity[sold], minlength=len(pairs)).astype(np.float32)
    tutorial = replace(settings, rank=TUTORIAL_RANK, purchase_weight=TUTORIAL_WEIGHT)
    return _taste_alone(past, pieces, tutorial, seed)


def als_binary(past: Past, _customers: Ints, settings: Settings, seed: int) -> Lists:
    bought = past.fitted.bought
    return _taste_alone(past, bought.kept.astype(np.float32), replace(settings, purchase_weight=1.0), seed)


def als_decayed(past: Past, _customers: Ints, _settings: Settings, _seed: int) -> Lists:
    return _by_taste(past, past.fitted)


def linear_blend(past: Past, _customers: Ints, _settings: Settings, _seed: int) -> Lists:
    return rankings.rank(past.blend, SHOWN_ENTRIES)


def _taste_alone(past: Past, rated: Floats, settings: Settings, seed: int) -> Lists:
    return _by_taste(past, model.trained(past.orders, past.fitted.bought, rated, past.now, settings, seed))


def _by_taste(past: Past, fitted: Model) -> Lists:
    blend = past.blend
    taste = replace(
        blend,
        customers=fitted.factors.of_customers,
        items=fitted.factors.of_items,
        repeats=np.zeros_like(blend.repeats),
        popular={name: np.zeros_like(popular) for name, popular in blend.popular.items()},
    )
    return rankings.rank(taste, SHOWN_ENTRIES)


POPULARITY = Baseline("popularity, 14 days", False, popular_lately)
OWN = Baseline("own purchases", False, own_purchases)
BLEND = Baseline("linear blend", True, linear_blend)
BASELINES = (
    Baseline("popularity, all time", False, popular_ever),
    POPULARITY,
    OWN,
    Baseline("TIFU-like", False, tifu, lambda past: math.prod(past.fitted.bought.shape) <= TIFU_CELLS),
    Baseline("item neighbours", False, item_neighbours),
    Baseline("EASE", False, ease, lambda past: past.fitted.bought.shape[1] <= EASE_ITEMS),
    Baseline("ALS of the tutorials", True, als_tutorial),
    Baseline("ALS, binary", True, als_binary),
    Baseline("ALS, decayed", True, als_decayed),
    BLEND,
)
