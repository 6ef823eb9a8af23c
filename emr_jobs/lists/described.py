"""Items described alike, for those that too few bought with anything: TF-IDF over the words of their names.

Of two that are equally alike, what sells comes first. Used by served.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from emr_jobs import topk
from emr_jobs.als.kernel import Floats, Ints, Longs
from emr_jobs.compiled import compiled
from emr_jobs.wording import wording


def described(names: Sequence[str], asked: Ints, weights: Floats, count: int) -> Ints:
    """A row for each item asked for, best first, topk.NOTHING where fewer share a word with it.

    `weights` multiply each item's likeness; an item of weight 0 stands in no row.
    """
    own = wording(names)
    holders = own.holders(weights)
    held = own.starts, own.words, own.counts, holders.starts, holders.rows, holders.counts
    best = np.full((len(asked), count), topk.NOTHING, np.int32)
    threads = os.cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool:
        share = partial(_select, *held, asked, len(names), best, threads)
        for _ in pool.map(share, range(threads)):
            pass
    return best


@compiled()
def _select(
    starts: Longs,
    words_of: Ints,
    counts: Floats,
    firsts: Longs,
    holders: Ints,
    held: Floats,
    asked: Ints,
    items: int,
    best: Ints,
    threads: int,
    first: int,
) -> None:
    """Each so-manieth row: only items that share a word are looked at, however many there are."""
    likeness, seen = np.zeros(items, np.float32), np.empty(items, np.int32)
    top = np.empty(best.shape[1], np.float32)
    for row in range(first, len(asked), threads):
        own, number, found = asked[row], 0, 0
        for place in range(starts[own], starts[own + 1]):
            word = words_of[place]
            for at in range(firsts[word], firsts[word + 1]):
                other = holders[at]
                if likeness[other] == 0:
                    seen[number] = other
                    number += 1
                likeness[other] += counts[place] * held[at]
        likeness[own] = 0
        for other in seen[:number]:
            value = likeness[other]
            likeness[other] = 0
            if value <= 0 or (found == len(top) and value < top[-1]):
                continue
            place = min(found, len(top) - 1)
            if found == len(top) and value == top[-1] and other > best[row, place]:
                continue
            while place and (
                top[place - 1] < value or (top[place - 1] == value and best[row, place - 1] > other)
            ):
                top[place], best[row, place] = top[place - 1], best[row, place - 1]
                place -= 1
            top[place], best[row, place] = value, other
            found = min(found + 1, len(top))
