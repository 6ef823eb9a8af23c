"""What sells now. Part of every customer's blend, and the list for those whom nobody knows."""

import numpy as np

from emr_jobs.als.kernel import Floats, Ints
from emr_jobs.orders import DAY_SECONDS
from emr_jobs.ratings import Pairs


def recent(bought: Pairs, now: int, days: float) -> Floats:
    """How many customers bought each item in the last days, the most popular item being 1."""
    customers = _customers(bought, bought.last >= now - days * DAY_SECONDS)
    return np.asarray(customers / max(1, customers.max(initial=0)), np.float32)


def ranked(bought: Pairs, now: int, days: float, count: int) -> Ints:
    """The items of most customers in the last days, and after them those of most customers ever."""
    ever = _customers(bought, np.ones(len(bought), np.bool_))
    order = np.lexsort((-ever, -recent(bought, now, days)))
    return order[ever[order] > 0][:count].astype(np.int32)


def _customers(bought: Pairs, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Ints:
    return np.bincount(bought.item[chosen], minlength=bought.shape[1]).astype(np.int32)
