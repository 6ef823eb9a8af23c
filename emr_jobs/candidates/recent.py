"""Candidates that sell best now, the same ones for everybody."""

import numpy as np

from emr_jobs.als.kernel import Ints
from emr_jobs.candidates.block import Block
from emr_jobs.candidates.past import Past


def offer(past: Past, block: Block) -> Ints:
    return np.broadcast_to(past.popular, (len(block.customers), len(past.popular)))
