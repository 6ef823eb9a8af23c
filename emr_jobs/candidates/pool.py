"""The candidates of a block of customers, from every source, each item once."""

from dataclasses import dataclass

import numpy as np

from emr_jobs.als.kernel import Floats, Ints
from emr_jobs.candidates import alike, basket, recent, repeats, taste, variants
from emr_jobs.candidates.block import Block
from emr_jobs.candidates.past import Past


@dataclass(frozen=True, slots=True)
class Candidates:
    """Grain: one item for one customer, sorted by both."""

    row: Ints  # the customer's, within the block
    item: Ints
    rank: Floats  # in the blend's best, their number where it is not among them
    novel_rank: Floats


def gather(past: Past, block: Block) -> Candidates:
    blend, novel = taste.offer(block), taste.offer_novel(block)
    offers = (
        blend,
        novel,
        alike.offer(block),
        basket.offer(block),
        repeats.offer(past, block),
        recent.offer(past, block),
        variants.offer(past, block),
    )
    items = np.concatenate(offers, axis=1)
    offered = np.zeros_like(block.taste, np.bool_)
    at, place = np.nonzero(items >= 0)
    offered[at, items[at, place]] = True
    row, item = np.nonzero(offered)
    return Candidates(
        row.astype(np.int32),
        item.astype(np.int32),
        _ranks(blend, block.taste)[row, item],
        _ranks(novel, block.taste)[row, item],
    )


def _ranks(best: Ints, scores: Floats) -> Floats:
    ranks = np.full_like(scores, best.shape[1])
    row, place = np.nonzero(best >= 0)
    ranks[row, best[row, place]] = place
    return ranks
