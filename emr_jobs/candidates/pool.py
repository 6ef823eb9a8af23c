"""The candidates of a block of customers, from every source, each item once."""

from dataclasses import dataclass

import numpy as np

from emr_jobs.als.kernel import Floats, Ints
from emr_jobs.candidates import alike, basket, named, recent, repeats, taste, variants
from emr_jobs.candidates.block import Block
from emr_jobs.candidates.group import Group
from emr_jobs.compiled import compiled
from emr_jobs.topk import NOTHING


@dataclass(frozen=True, slots=True)
class Candidates:
    """Grain: one item for one customer, sorted by both."""

    row: Ints  # the customer's, within the block
    item: Ints
    rank: Floats  # in the blend's best, their number where it is not among them
    novel_rank: Floats


def gather(group: Group, block: Block) -> Candidates:
    blend, novel = taste.offer(block), taste.offer_novel(block)
    offers = (
        blend,
        novel,
        alike.offer(block),
        basket.offer(block),
        named.offer(group, block),
        repeats.offer(group, block),
        recent.offer(group, block),
        variants.offer(group, block),
    )
    items = np.concatenate(offers, axis=1)
    row, item = np.empty(items.size, np.int32), np.empty(items.size, np.int32)
    ranks = np.empty((2, items.size), np.float32)
    found = _distinct(items, blend, novel, np.empty(block.taste.shape[1], np.int32), row, item, ranks)
    return Candidates(row[:found], item[:found], ranks[0, :found], ranks[1, :found])


@compiled()
def _distinct(
    offered: Ints, blend: Ints, novel: Ints, places: Ints, row: Ints, item: Ints, ranks: Floats
) -> int:
    """Each row's different items in their order, with their places in its two rankings; how many they are."""
    places[:] = NOTHING
    end = 0
    for customer in range(len(offered)):
        begin = end
        for offer in np.sort(offered[customer]):
            if offer >= 0 and (end == begin or item[end - 1] != offer):
                row[end], item[end] = customer, offer
                ranks[0, end], ranks[1, end] = blend.shape[1], novel.shape[1]
                places[offer] = end
                end += 1
        for rank, best in enumerate((blend, novel)):
            for place in range(best.shape[1]):
                if best[customer, place] >= 0:
                    ranks[rank, places[best[customer, place]]] = place
    return end
