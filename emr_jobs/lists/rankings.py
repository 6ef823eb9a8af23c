"""Every customer's lists as item rows, best first: score a block, pick, bar what was bought, pick again."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import threadpool_limits

from contracts.lists import DISCOVER, FOR_YOU
from emr_jobs import topk
from emr_jobs.als.kernel import Ints
from emr_jobs.lists.blend import Blend
from emr_jobs.topk import BLOCK_CUSTOMERS


def rank(blend: Blend, count: int) -> dict[str, Ints]:
    """The lists of all customers, a row each; topk.NOTHING fills those that are shorter."""
    length, threads = len(blend.customers), os.cpu_count() or 1
    best = {name: np.empty((length, count), np.int32) for name in (FOR_YOU, DISCOVER)}
    bias = {name: topk.padded(blend.bias(name), topk.BARRED) for name in best}
    items = topk.padded(blend.items, np.float32(0))

    def fill(share: int) -> None:
        buffer = np.empty((BLOCK_CUSTOMERS, len(items)), np.float32)
        for first in range(share * BLOCK_CUSTOMERS, length, threads * BLOCK_CUSTOMERS):
            end = min(first + BLOCK_CUSTOMERS, length)
            scores = np.matmul(blend.customers[first:end], items.T, out=buffer[: end - first])
            topk.add_to_bought(scores, first, blend.starts, blend.bought, blend.repeats)
            topk.select(scores, bias[FOR_YOU], best[FOR_YOU][first:end])
            topk.bar_bought(scores, first, blend.starts, blend.bought)
            topk.select(scores, bias[DISCOVER], best[DISCOVER][first:end])

    with ThreadPoolExecutor(threads) as pool, threadpool_limits(1, "blas"):
        for _ in pool.map(fill, range(threads)):
            pass
    return best
