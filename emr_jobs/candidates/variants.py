"""Candidates that are letter variants of what the customer bought: the same plate in another colour."""

import numpy as np

from emr_jobs.als.kernel import Floats, Ints
from emr_jobs.candidates.block import Block, best, unbought
from emr_jobs.candidates.past import Past

COUNT = 20


def offer(past: Past, block: Block) -> Ints:
    """The variants of what was bought most often."""
    scores = np.zeros_like(block.taste)
    varied = np.flatnonzero(np.bincount(past.base)[past.base] > 1)
    scores[:, varied] = bases(past, block)[:, past.base[varied]]
    return best(unbought(block, scores), COUNT)


def bases(past: Past, block: Block) -> Floats:
    """How often each customer bought of each base code; 0 for a code without variants."""
    bought = past.fitted.bought
    row, pair = bought.of(block.customers)
    base = past.base[bought.item[pair]]
    found = np.zeros((len(block.customers), int(past.base.max(initial=0)) + 1), np.float32)
    np.add.at(found, (row, base), bought.purchases[pair].astype(np.float32))
    found[:, np.bincount(past.base, minlength=found.shape[1]) < 2] = 0  # noqa: PLR2004 (one variant is none)
    return found
