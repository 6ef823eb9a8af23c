"""Every customer's lists as item rows, best first: score a block, pick, bar what was bought, pick again."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import threadpool_limits

from contracts.lists import DISCOVER, FOR_YOU
from emr_jobs import topk
from emr_jobs.als.kernel import Ints
from emr_jobs.lists.blend import Blend

BLOCK_CUSTOMERS = 128  # their scores of 20,000 items stay within a core's share of the cache


def rank(blend: Blend, count: int) -> dict[str, Ints]:
    """The lists of all customers, a row each; topk.NOTHING fills those that are shorter."""
    length = len(blend.customers)
    best = {name: np.empty((length, count), np.int32) for name in (FOR_YOU, DISCOVER)}
    bias = {name: topk.padded(blend.bias(name), topk.BARRED) for name in best}
    items = topk.padded(blend.items, np.float32(0))

    def fill(first: int) -> None:
        end = min(first + BLOCK_CUSTOMERS, length)
        scores = blend.customers[first:end] @ items.T
        topk.add_to_bought(scores, first, blend.starts, blend.bought, blend.repeats)
        topk.select(scores, bias[FOR_YOU], best[FOR_YOU][first:end])
        topk.bar_bought(scores, first, blend.starts, blend.bought)
        topk.select(scores, bias[DISCOVER], best[DISCOVER][first:end])

    with ThreadPoolExecutor(os.cpu_count()) as pool, threadpool_limits(1, "blas"):
        for _ in pool.map(fill, range(0, length, BLOCK_CUSTOMERS)):
            pass
    return best
