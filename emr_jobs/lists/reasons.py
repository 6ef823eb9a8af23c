"""Why each entry stands in a customer's list: the part of the blend that did most for it. Used by served.

A reason is a row of the vocabulary: popular, bought before (with a rhythm in weeks), or because of an item.
"""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
from scipy import linalg

from contracts.lists import Reason, ReasonKind
from emr_jobs.als.kernel import Floats, Ints, Longs
from emr_jobs.compiled import compiled
from emr_jobs.lists.blend import Blend
from emr_jobs.orders import DAY_SECONDS
from emr_jobs.ratings import Pairs
from emr_jobs.settings import Settings

_POPULAR = 0
_AGAIN = 1  # plus the weeks; 0 weeks where there is no rhythm
LONGEST_RHYTHM_WEEKS = 52
LEAST_PURCHASES = 3  # of a rhythm
MISSED_GAPS = 2  # since the last purchase, beyond which the rhythm has ended
_BECAUSE = _AGAIN + LONGEST_RHYTHM_WEEKS + 1  # plus the item
_WEEK_SECONDS = 7 * DAY_SECONDS


def vocabulary(items: pa.StringArray) -> pa.StringArray:
    """Every reason as stored."""
    again = ["", *map(str, range(1, LONGEST_RHYTHM_WEEKS + 1))]
    texts = [
        Reason(ReasonKind.POPULAR),
        *(Reason(ReasonKind.AGAIN, weeks) for weeks in again),
        *(Reason(ReasonKind.BECAUSE, item) for item in items.to_pylist()),
    ]
    return pa.array(map(str, texts), pa.string())


def reasons(
    best: Ints, popular: Floats, blend: Blend, bought: Pairs, now: int, pull: Floats, alike: Floats
) -> Ints:
    """A row of the vocabulary for each entry of `best`; `popular` is what popularity adds to a score."""
    answer = np.zeros(best.shape, np.int32)
    rhythms = rhythm_weeks(bought, now)
    threads = os.cpu_count() or 1

    def share(first: int) -> None:
        _explain(
            first,
            threads,
            best,
            blend.starts,
            blend.bought,
            rhythms,
            pull,
            alike,
            blend.customers,
            blend.items,
            popular,
            answer,
        )

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(share, range(threads)))
    return answer


def rhythm_weeks(bought: Pairs, now: int) -> Ints:
    """The mean gap between a pair's purchases in whole weeks, at least one; 0 where there is no rhythm.

    Two purchases show none yet, and one that a customer has left off is none any more.
    """
    gaps = (bought.last - bought.first) / np.maximum(1, bought.purchases - 1)
    weeks = np.maximum(1, np.rint(gaps / _WEEK_SECONDS))
    has_rhythm = (bought.purchases >= LEAST_PURCHASES) & (gaps >= DAY_SECONDS)
    has_rhythm &= (weeks <= LONGEST_RHYTHM_WEEKS) & (now - bought.last <= MISSED_GAPS * weeks * _WEEK_SECONDS)
    return np.where(has_rhythm, weeks, 0).astype(np.int32)


def pulls(ratings: Floats, settings: Settings) -> Floats:
    """How hard each pair pulls on its customer's factors: nothing where all of it came back."""
    pull = settings.pair_weight + settings.purchase_weight * ratings
    return np.where(ratings > 0, pull, 0).astype(np.float32)


def likeness(items: Floats, settings: Settings) -> Floats:
    """Rows whose inner product is how much of one item's score comes from a unit of pull of another."""
    rank = items.shape[1]
    ridge = settings.regularisation * settings.pair_weight * max(1, len(items))
    shared = settings.pair_weight * (items.T @ items) + ridge * np.eye(rank, dtype=np.float32)
    lower = np.linalg.cholesky(shared.astype(np.float64))
    return np.ascontiguousarray(linalg.solve_triangular(lower, items.T, lower=True).T.astype(np.float32))


@compiled(fastmath=True)
def _explain(  # noqa: C901 (one pass over a list; a call inside it would cost its compilation)
    first: int,
    step: int,
    best: Ints,
    starts: Longs,
    bought: Ints,
    rhythms: Ints,
    pull: Floats,
    alike: Floats,
    customers: Floats,
    items: Floats,
    popular: Floats,
    answer: Ints,
) -> None:
    for row in range(first, len(best), step):
        for place in range(best.shape[1]):
            item = best[row, place]
            if item < 0:
                break
            reason, most = _POPULAR, np.float32(-np.inf)
            for pair in range(starts[row], starts[row + 1]):
                if bought[pair] == item:
                    reason = _AGAIN + rhythms[pair]
                    break
                if pull[pair] == 0:
                    continue
                share = np.float32(0)
                for i in range(alike.shape[1]):
                    share += alike[item, i] * alike[bought[pair], i]
                share *= pull[pair]
                if share > most:
                    reason, most = _BECAUSE + bought[pair], share
            if reason >= _BECAUSE:
                score = np.float32(0)
                for i in range(items.shape[1]):
                    score += customers[row, i] * items[item, i]
                if popular[item] > max(score, np.float32(0)):
                    reason = _POPULAR
            answer[row, place] = reason
