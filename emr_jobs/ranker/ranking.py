"""Customers' lists by the forest: candidates, features, scores, and the best without a crowd of twins."""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import threadpool_limits

from contracts.lists import DISCOVER, FOR_YOU
from emr_jobs import topk
from emr_jobs.als.kernel import Ints, Longs
from emr_jobs.candidates import block
from emr_jobs.candidates.group import group
from emr_jobs.candidates.past import Past
from emr_jobs.compiled import compiled
from emr_jobs.orders import Flags
from emr_jobs.ranker import features
from emr_jobs.ranker.forest import Forest


def rank(
    past: Past, forest: Forest, customers: Ints, count: int, twins: Mapping[str, int]
) -> dict[str, Ints]:
    """The lists of these customers, a row each, with at most so many `twins` of one base code in a list."""
    best = {name: np.full((len(customers), count), topk.NOTHING, np.int32) for name in (FOR_YOU, DISCOVER)}
    some, leaves = group(past, customers), forest.leaves()
    known = features.facts(some)

    def fill(part: Ints) -> None:
        table = features.table(some, known, part)
        scores = leaves.scores(table.values)
        starts = np.flatnonzero(np.diff(table.row, prepend=-1))
        rows = table.row[starts]
        order = np.lexsort((-scores, table.row))
        ends = np.append(starts, len(order))[1:]
        for name, barred in ((FOR_YOU, np.zeros_like(table.bought)), (DISCOVER, table.bought)):
            _choose(rows, starts, ends, order, table.item, barred, past.base, twins[name], best[name])

    with ThreadPoolExecutor(os.cpu_count()) as pool, threadpool_limits(1, "blas"):
        for _ in pool.map(fill, block.rows(len(some))):
            pass
    return best


@compiled()
def _choose(
    rows: Longs,
    starts: Longs,
    ends: Longs,
    order: Longs,
    items: Ints,
    barred: Flags,
    base: Ints,
    twins: int,
    best: Ints,
) -> None:
    """Fill each row from its candidates, best first, passing over the barred and the twins too many."""
    for place in range(len(rows)):
        row, found = rows[place], 0
        for candidate in order[starts[place] : ends[place]]:
            item = items[candidate]
            if barred[candidate]:
                continue
            alike = 0
            for earlier in range(found):
                alike += base[best[row, earlier]] == base[item]
            if alike >= twins:
                continue
            best[row, found] = item
            found += 1
            if found == best.shape[1]:
                break
