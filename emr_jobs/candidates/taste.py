"""Candidates by the linear blend: its best, and the best of what the customer never bought."""

from emr_jobs.als.kernel import Ints
from emr_jobs.candidates.block import Block, best

COUNT, NOVEL_COUNT = 100, 80


def offer(block: Block) -> Ints:
    return best(block.blend, COUNT)


def offer_novel(block: Block) -> Ints:
    return best(block.novel, NOVEL_COUNT)
