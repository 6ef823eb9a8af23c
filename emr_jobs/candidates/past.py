"""What was known at one moment, in the forms that candidates and features need. Nothing in it is younger.

Training makes one for each earlier cut, ranking one for now: the same code, so that both see the same.
"""

from dataclasses import dataclass

import numpy as np

from emr_jobs import model
from emr_jobs.als.kernel import Floats, Ints, Longs
from emr_jobs.candidates.links import Links, links
from emr_jobs.factors import Factors
from emr_jobs.lists import popularity, twins
from emr_jobs.lists.blend import Blend
from emr_jobs.lists.together import baskets
from emr_jobs.model import Model
from emr_jobs.orders import DAY_SECONDS, Orders
from emr_jobs.ratings import ratings
from emr_jobs.settings import Settings

RECENT_ITEMS = 40  # the most popular ones, offered to everybody
_MONTH_DAYS = 30.0


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each pair bought speaks for the items linked to its item."""

    ever: Floats
    recent: Floats
    last_order: Floats
    month: Floats


@dataclass(frozen=True, slots=True)
class Past:
    orders: Orders
    fitted: Model
    slow: Factors  # of ratings that fade slower: lasting taste
    blend: Blend
    alike: Links  # items of the same customers
    beside: Links  # items of the same invoices
    weights: Weights
    popular: Ints  # the items of most customers lately
    base: Ints  # each item's base code, which its letter variants share

    @property
    def now(self) -> int:
        return self.fitted.now


def past(orders: Orders, now: int, settings: Settings, seed: int) -> Past:
    """All of it from these orders, all of which are older than `now`."""
    fitted = model.fit(orders, now, settings, seed)
    return known(orders, fitted, lasting(orders, fitted, settings, seed), settings)


def lasting(
    orders: Orders, fitted: Model, settings: Settings, seed: int, last: Factors | None = None
) -> Factors:
    """The factors of ratings of the same pairs that fade slower."""
    rated = ratings(fitted.bought, fitted.now, settings.slow_half_life_days)
    return model.trained(orders, fitted.bought, rated, fitted.now, settings, seed, last).factors


def known(orders: Orders, fitted: Model, slow: Factors, settings: Settings) -> Past:
    """The rest of it, from models that are there already."""
    bought = fitted.bought
    held = bought.matrix(np.ones(len(bought), np.float32))
    buyers = np.sqrt(np.bincount(bought.item, minlength=held.shape[1])).astype(np.float32)
    invoices = baskets(orders, settings.together_basket_items)
    holding = np.asarray(invoices.sum(axis=0)).ravel().astype(np.float32)
    return Past(
        orders,
        fitted,
        slow,
        model.scores(fitted, settings),
        links(held, buyers, settings.alike_shrink, both=True),
        links(invoices, holding, settings.beside_shrink, both=False),
        _weights(fitted),
        popularity.ranked(bought, fitted.now, settings.popular_days, RECENT_ITEMS),
        twins.base_codes(orders.items),
    )


def days_since(now: int, seconds: Longs) -> Floats:
    return np.asarray((now - seconds) / DAY_SECONDS, np.float32)


def _weights(fitted: Model) -> Weights:
    bought = fitted.bought
    sizes = np.maximum(1, np.diff(bought.starts))[bought.customer]
    newest = np.zeros(bought.shape[0], np.int64)
    np.maximum.at(newest, bought.customer, bought.last)
    in_last = bought.last >= newest[bought.customer] - DAY_SECONDS
    basket = np.bincount(bought.customer[in_last], minlength=bought.shape[0])[bought.customer]
    faded = np.exp2(-days_since(fitted.now, bought.last) / _MONTH_DAYS)
    return Weights(
        ever=(bought.kept / np.sqrt(sizes)).astype(np.float32),
        recent=np.where(bought.kept, bought.decayed(fitted.now, _MONTH_DAYS), 0).astype(np.float32),
        last_order=np.where(in_last, 1 / np.maximum(1, basket), 0).astype(np.float32),
        month=np.where(bought.kept, faded, 0).astype(np.float32),
    )
