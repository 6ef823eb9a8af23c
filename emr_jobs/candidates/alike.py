"""Candidates by the item neighbours of all that the customer ever bought."""

from emr_jobs.als.kernel import Ints
from emr_jobs.candidates.block import Block, best, unbought

COUNT = 50


def offer(block: Block) -> Ints:
    return best(unbought(block, block.alike), COUNT)
