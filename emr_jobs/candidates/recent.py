"""Candidates that sell best now, the same ones for everybody."""

import numpy as np

from emr_jobs.als.kernel import Ints
from emr_jobs.candidates.block import Block
from emr_jobs.candidates.group import Group


def offer(group: Group, block: Block) -> Ints:
    return np.broadcast_to(group.past.popular, (len(block.rows), len(group.past.popular)))
