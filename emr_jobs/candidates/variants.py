"""Candidates that are letter variants of what the customer bought: the same plate in another colour."""

import numpy as np

from emr_jobs.als.kernel import Floats, Ints
from emr_jobs.candidates.block import Block, best, unbought
from emr_jobs.candidates.group import Group

COUNT = 20


def offer(group: Group, block: Block) -> Ints:
    """The variants of what was bought most often."""
    rows, width = block.taste.shape
    scores = block.room.floats("variants", (rows, width))
    varied = np.flatnonzero(group.past.family >= 0)
    scores[:, varied] = families(group, block)[:, group.past.family[varied]]
    return best(unbought(block, scores), COUNT)


def families(group: Group, block: Block) -> Floats:
    """How often each customer bought of each family of variants; the last column is for what has none: 0."""
    bought, family = group.bought, group.past.family
    row, pair = bought.of(block.rows)
    own = family[bought.item[pair]]
    found = np.zeros((len(block.rows), int(family.max(initial=0)) + 2), np.float32)
    np.add.at(found, (row, own), bought.purchases[pair].astype(np.float32))
    found[:, -1] = 0
    return found
