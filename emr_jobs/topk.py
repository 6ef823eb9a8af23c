"""The best items of a block of customers, picked from their scores in one pass. Used by rankings."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import threadpool_limits

from emr_jobs.als.kernel import Floats, Ints, Longs
from emr_jobs.compiled import compiled

BARRED = np.float32(-1e30)  # a score no list shows; finite, because fast arithmetic knows no infinity
_SHOWN = np.float32(-1e29)
RUN_ITEMS = 128  # scores tested at once: most runs hold nothing for the list and are skipped
NOTHING = -1  # fills a list that is shorter than asked for
BLOCK_CUSTOMERS = 128  # their scores of 20,000 items stay within a core's share of the cache


def unbought(customers: Floats, items: Floats, starts: Longs, bought: Ints, count: int) -> Ints:
    """A row for each customer: the items of the highest product of factors, but what they bought.

    Each thread multiplies into one buffer: a new one for each block costs a third more.
    """
    length, threads = len(customers), os.cpu_count() or 1
    wide, bias = padded(items, np.float32(0)), padded(np.zeros(len(items), np.float32), BARRED)
    best = np.empty((length, count), np.int32)

    def fill(share: int) -> None:
        buffer = np.empty((BLOCK_CUSTOMERS, len(wide)), np.float32)
        for first in range(share * BLOCK_CUSTOMERS, length, threads * BLOCK_CUSTOMERS):
            end = min(first + BLOCK_CUSTOMERS, length)
            scores = np.matmul(customers[first:end], wide.T, out=buffer[: end - first])
            bar_bought(scores, first, starts, bought)
            select(scores, bias, best[first:end])

    with ThreadPoolExecutor(threads) as pool, threadpool_limits(1, "blas"):
        for _ in pool.map(fill, range(threads)):
            pass
    return best


@compiled(fastmath=True)
def add_to_bought(scores: Floats, first: int, starts: Longs, items: Ints, values: Floats) -> None:
    """Raise the scores of what each customer bought; row 0 of `scores` is customer `first`."""
    for row in range(len(scores)):
        for place in range(starts[first + row], starts[first + row + 1]):
            scores[row, items[place]] += values[place]


@compiled(fastmath=True)
def bar_bought(scores: Floats, first: int, starts: Longs, items: Ints) -> None:
    for row in range(len(scores)):
        for place in range(starts[first + row], starts[first + row + 1]):
            scores[row, items[place]] = BARRED


@compiled(fastmath=True)
def select(scores: Floats, bias: Floats, best: Ints) -> None:
    """Fill each row of `best` with the items of the highest score + bias; the earlier item wins a tie.

    The width of both is a multiple of RUN_ITEMS: see `padded`. Counting is the one test of a run that
    compiles to wide instructions; a maximum costs five times as much.
    """
    count = best.shape[1]
    runs = scores.reshape(scores.shape[0], scores.shape[1] // RUN_ITEMS, RUN_ITEMS)
    biases = bias.reshape(runs.shape[1], RUN_ITEMS)
    values = np.empty(count, np.float32)
    for row in range(len(scores)):
        found, bar = 0, _SHOWN
        for run in range(runs.shape[1]):
            above = np.int32(0)
            for place in range(RUN_ITEMS):
                above += np.int32(runs[row, run, place] + biases[run, place] > bar)
            if above == 0:
                continue
            for item in range(RUN_ITEMS):
                value = runs[row, run, item] + biases[run, item]
                if value > bar:
                    place = min(found, count - 1)
                    while place > 0 and values[place - 1] < value:
                        values[place] = values[place - 1]
                        best[row, place] = best[row, place - 1]
                        place -= 1
                    values[place], best[row, place] = value, run * RUN_ITEMS + item
                    found = min(found + 1, count)
                    if found == count:
                        bar = values[count - 1]
        for place in range(found, count):
            best[row, place] = NOTHING


def padded(rows: Floats, filling: np.float32) -> Floats:
    """The rows, a row for each item, up to a whole number of runs."""
    missing = -len(rows) % RUN_ITEMS
    return np.concatenate([rows, np.full((missing, *rows.shape[1:]), filling, np.float32)])
