"""The shop's own ALS on ratings: a pair that somebody liked counts as bought, and stars say nothing else.

The same kernel and objective as the order path, over the study's blocks.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from emr_jobs import factors
from emr_jobs.als.kernel import Floats, solve_rows
from emr_jobs.als.objective import Objective
from emr_jobs.explicit.blocks import Block


@dataclass(frozen=True, slots=True)
class Implicit:
    liked: float  # the rating from which on a pair counts
    objective: Objective
    rank: int

    def start(self, users: int, items: int, seed: int) -> tuple[Floats, Floats]:
        return factors.noise(users, items, self.rank, seed)

    def prepared(self, _fold: int, other: Floats) -> Floats:
        return self.objective.gramian(other)

    def solve(self, block: Block, prepared: Any, other: Floats, rows: Floats) -> None:
        chosen = block.where(block.ratings >= self.liked)
        ones = np.ones(len(chosen.ratings), np.float32)
        weights = self.objective.weights(len(other))
        solve_rows(0, 1, chosen.starts, chosen.columns, ones, other, prepared, *weights, False, rows)


def with_everyone(users: Floats) -> Floats:
    """Who liked nothing is taken for the average of the others: they get what most like."""
    strangers = ~users.any(axis=1)
    filled = users.copy()
    filled[strangers] = users.mean(axis=0)
    return filled
