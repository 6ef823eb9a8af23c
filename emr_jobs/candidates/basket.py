"""Candidates that others bought in one invoice with what is in the customer's last one."""

from emr_jobs.als.kernel import Ints
from emr_jobs.candidates.block import Block, best, unbought

COUNT = 40


def offer(block: Block) -> Ints:
    return best(unbought(block, block.beside), COUNT)
