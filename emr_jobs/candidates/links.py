"""Which items go with which: each item's strongest companions within customers or within invoices.

Sparse: an item keeps its LINKS strongest, so that a large catalogue's fit into memory.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from emr_jobs.als.kernel import Floats, Ints, Longs
from emr_jobs.compiled import compiled
from emr_jobs.topk import NOTHING

LINKS = 100  # of each item


@dataclass(frozen=True, slots=True)
class Links:
    """A row for each item: the others, strongest first, topk.NOTHING where there are fewer."""

    others: Ints
    strengths: Floats


def links(held: sparse.csr_matrix, norm: Floats, shrink: float, *, both: bool) -> Links:
    """The links of the columns of `held`: how often rows hold both, over the norms.

    With `both`, the norms of the two are multiplied (a cosine); without, only the first counts (a share).
    """
    by_item = held.T.tocsr()
    shape = (held.shape[1], LINKS)
    found = Links(np.full(shape, NOTHING, np.int32), np.zeros(shape, np.float32))
    threads = os.cpu_count() or 1

    def share(first: int) -> None:
        _strongest(
            first,
            threads,
            by_item.indptr.astype(np.int64),
            by_item.indices.astype(np.int32),
            held.indptr.astype(np.int64),
            held.indices.astype(np.int32),
            held.data.astype(np.float32),
            norm,
            norm if both else np.ones_like(norm),
            np.float32(shrink),
            found.others,
            found.strengths,
        )

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(share, range(threads)))
    return found


@compiled(fastmath=True)
def _strongest(
    first: int,
    step: int,
    item_starts: Longs,
    item_rows: Ints,
    row_starts: Longs,
    row_items: Ints,
    weights: Floats,
    norm: Floats,
    other_norm: Floats,
    shrink: np.float32,
    others: Ints,
    strengths: Floats,
) -> None:
    """Count each item's companions densely, then keep the strongest; the earlier item wins a tie."""
    width, count = len(norm), others.shape[1]
    together = np.zeros(width, np.float32)
    touched = np.empty(width, np.int32)
    for item in range(first, width, step):
        found = 0
        for place in range(item_starts[item], item_starts[item + 1]):
            row = item_rows[place]
            for held in range(row_starts[row], row_starts[row + 1]):
                other = row_items[held]
                if together[other] == 0:
                    touched[found] = other
                    found += 1
                together[other] += weights[held]
        kept = 0
        for place in range(found):
            other = touched[place]
            strength = together[other] / (norm[item] * other_norm[other] + shrink)
            together[other] = 0
            if other == item or (kept == count and strength <= strengths[item, count - 1]):
                continue
            at = min(kept, count - 1)
            while at > 0 and strengths[item, at - 1] < strength:
                strengths[item, at] = strengths[item, at - 1]
                others[item, at] = others[item, at - 1]
                at -= 1
            strengths[item, at], others[item, at] = strength, other
            kept = min(kept + 1, count)


@compiled(fastmath=True)
def spread(
    rows: Ints, starts: Longs, bought: Ints, weights: Floats, others: Ints, strengths: Floats, scores: Floats
) -> None:
    """Add to each customer's scores what their purchases' companions get, each by its pair's weight."""
    for row in range(len(rows)):
        for pair in range(starts[rows[row]], starts[rows[row] + 1]):
            weight, item = weights[pair], bought[pair]
            if weight == 0:
                continue
            for place in range(others.shape[1]):
                other = others[item, place]
                if other < 0:
                    break
                scores[row, other] += weight * strengths[item, place]
