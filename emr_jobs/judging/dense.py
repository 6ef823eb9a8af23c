"""Lists from scores of every item for a block of customers: baselines that know no shortcut."""

from collections.abc import Callable

import numpy as np

from contracts.lists import DISCOVER, FOR_YOU, SHOWN_ENTRIES
from emr_jobs import topk
from emr_jobs.als.kernel import Floats, Ints
from emr_jobs.candidates.past import Past

BLOCK_CUSTOMERS = 256


def lists(past: Past, customers: Ints, scores: Callable[[Ints], Floats]) -> dict[str, Ints]:
    """The lists of these customers, a row for every customer; `scores` gives a block's, a column an item."""
    bought = past.fitted.bought
    width = bought.shape[1] + -bought.shape[1] % topk.RUN_ITEMS
    best = {
        name: np.full((bought.shape[0], SHOWN_ENTRIES), topk.NOTHING, np.int32)
        for name in (FOR_YOU, DISCOVER)
    }
    none = np.zeros(width, np.float32)
    for first in range(0, len(customers), BLOCK_CUSTOMERS):
        block = customers[first : first + BLOCK_CUSTOMERS]
        padded = np.full((len(block), width), topk.BARRED, np.float32)
        padded[:, : bought.shape[1]] = np.where(past.blend.sold, scores(block), topk.BARRED)
        for lists_ in best.values():
            found = np.empty((len(block), SHOWN_ENTRIES), np.int32)
            topk.select(padded, none, found)
            lists_[block] = found
            row, pair = bought.of(block)  # barred for discover, which comes second
            padded[row, bought.item[pair]] = topk.BARRED
    return best
