"""What was known at one moment, in the forms that candidates and features need. Nothing in it is younger.

Training makes one for each earlier cut, ranking one for now: the same code, so that both see the same.
"""

from dataclasses import dataclass

import numpy as np

from emr_jobs import model
from emr_jobs.als.kernel import Floats, Ints, Longs
from emr_jobs.candidates.company import Company, counted
from emr_jobs.factors import Factors
from emr_jobs.lists import popularity, twins
from emr_jobs.lists.blend import Blend
from emr_jobs.model import Model
from emr_jobs.orders import DAY_SECONDS, Orders
from emr_jobs.ratings import ratings
from emr_jobs.settings import Settings
from emr_jobs.wording import Holders, Wording, wording

RECENT_ITEMS = 40  # the most popular ones, offered to everybody
SELLING_DAYS = 30.0


@dataclass(frozen=True, slots=True)
class Past:
    orders: Orders
    fitted: Model
    slow: Factors  # of ratings that fade slower: lasting taste
    blend: Blend
    company: Company
    popular: Ints  # the items of most customers lately
    base: Ints  # each item's base code, which its letter variants share
    family: (
        Ints  # the base codes of more than one item, numbered; topk.NOTHING for an item that has no variant
    )
    wording: Wording  # of the items' names
    holders: Holders  # of each word, by how much an item sells now

    @property
    def now(self) -> int:
        return self.fitted.now


def past(orders: Orders, now: int, settings: Settings, seed: int) -> Past:
    """All of it from these orders, all of which are older than `now`."""
    fitted = model.fit(orders, now, settings, seed)
    slow = lasting(orders, fitted, settings, seed)
    return known(orders, fitted, slow, counted(orders, fitted.bought, now, settings), settings)


def lasting(
    orders: Orders, fitted: Model, settings: Settings, seed: int, last: Factors | None = None
) -> Factors:
    """The factors of ratings of the same pairs that fade slower."""
    rated = ratings(fitted.bought, fitted.now, settings.slow_half_life_days)
    return model.trained(
        orders, fitted.bought, rated, fitted.now, settings, seed, last, fitted.trainer
    ).factors


def known(orders: Orders, fitted: Model, slow: Factors, company: Company, settings: Settings) -> Past:
    """The rest of it, from what is learnt already."""
    base, names = twins.base_codes(orders.items), wording(orders.names.to_pylist())
    selling = np.sqrt(popularity.recent(fitted.bought, fitted.now, SELLING_DAYS))
    return Past(
        orders,
        fitted,
        slow,
        model.scores(fitted, settings),
        company,
        popularity.ranked(fitted.bought, fitted.now, settings.popular_days, RECENT_ITEMS),
        base,
        twins.families(base),
        names,
        names.holders(selling),
    )


def days_since(now: int, seconds: Longs) -> Floats:
    return np.asarray((now - seconds) / DAY_SECONDS, np.float32)
