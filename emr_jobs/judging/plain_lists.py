"""Lists that need no model: what is popular, and what the customer keeps buying. Any model must beat them."""

from dataclasses import replace

import numpy as np

from contracts.lists import CUSTOMER_LISTS, SHOWN_ENTRIES
from emr_jobs.als.kernel import Floats, Ints
from emr_jobs.candidates.past import Past
from emr_jobs.lists import popularity, rankings
from emr_jobs.orders import DAY_SECONDS

LATELY_DAYS = 14.0  # of popularity: a yardstick, which no setting moves
POPULARITY_SHARE = 0.5  # below one purchase: it only orders what was bought equally often


def popular(past: Past, days: float | None) -> dict[str, Ints]:
    """What most customers bought in the last days, or ever."""
    days = days or past.now / DAY_SECONDS
    recent = popularity.recent(past.fitted.bought, past.now, days)
    return scored(past, np.zeros_like(past.blend.repeats), recent)


def again(past: Past, days: float) -> dict[str, Ints]:
    """What the customer bought most often, then what is popular (GP-TopFreq)."""
    recent = popularity.recent(past.fitted.bought, past.now, days)
    own = past.fitted.bought.purchases.astype(np.float32)
    return scored(past, own, np.float32(POPULARITY_SHARE) * recent)


def scored(past: Past, own: Floats, items: Floats) -> dict[str, Ints]:
    """Lists of every customer by a score for each item, and one more for each pair bought."""
    blend = past.blend
    plain = replace(
        blend,
        customers=blend.customers[:, :1] * 0,
        items=blend.items[:, :1] * 0,
        repeats=own,
        popular=dict.fromkeys(CUSTOMER_LISTS, items),
    )
    return rankings.rank(plain, SHOWN_ENTRIES)
