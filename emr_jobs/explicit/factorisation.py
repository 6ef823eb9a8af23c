"""Biased matrix factorisation, the SVD of the recommender literature: mean + user + item + taste.

Alternating least squares with a row's bias among its unknowns, each row solved exactly: it needs no
learning rate and meets its ratings in blocks, where stochastic descent would need all of them in one process.
With rank 0 it is the bias-only baseline.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from emr_jobs.als.kernel import Doubles, Floats, Ints, Longs
from emr_jobs.compiled import compiled
from emr_jobs.explicit.blocks import Block


@dataclass(frozen=True, slots=True)
class Factorisation:
    """The settings were found on MovieLens latest-small; RMSE is flat around them."""

    means: dict[int, float]  # of the ratings that are not held out, by held-out part
    rank: int = 16
    bias_ridge: float = 3.0  # ratings of the mean that each bias is given beforehand
    ridge: float = 8.0  # of each factor, and
    ridge_each: float = 0.03  # for each rating besides: what many rated is not believed without bound

    def start(self, users: int, items: int, seed: int) -> tuple[Floats, Floats]:
        """Column 0 is the bias. Small tastes, or the first solve would be of noise."""
        source = np.random.default_rng(seed)
        rows = [
            0.1 * source.standard_normal((length, self.rank + 1), np.float32) for length in (users, items)
        ]
        for side in rows:
            side[:, 0] = 0
        return rows[0], rows[1]

    def prepared(self, fold: int, _other: Floats) -> float:
        return self.means[fold]

    def solve(self, block: Block, prepared: Any, other: Floats, rows: Floats) -> None:
        ridges = (np.float64(self.bias_ridge), np.float64(self.ridge), np.float64(self.ridge_each))
        solve_rated(block.starts, block.columns, block.ratings, np.float64(prepared), other, *ridges, rows)


@compiled(fastmath=True)
def solve_rated(
    starts: Longs,
    columns: Ints,
    ratings: Floats,
    mean: float,
    other: Floats,
    bias_ridge: float,
    ridge: float,
    ridge_each: float,
    rows: Floats,
) -> None:
    """Each row: the ridge regression of its ratings on (1, the other side's tastes), less what is known."""
    width = other.shape[1]
    system, known = np.empty((width + 1, width), np.float64), np.empty(width, np.float64)
    for row in range(len(starts) - 1):
        size = starts[row + 1] - starts[row]
        if size == 0:
            rows[row] = 0
            continue
        system[:] = 0
        for place in range(starts[row], starts[row + 1]):
            column = columns[place]
            left = ratings[place] - mean - other[column, 0]
            known[0] = 1
            for i in range(1, width):
                known[i] = other[column, i]
            for i in range(width):
                for j in range(i + 1):
                    system[i, j] += known[i] * known[j]
                system[width, i] += left * known[i]
        system[0, 0] += bias_ridge
        for i in range(1, width):
            system[i, i] += ridge + ridge_each * size
        _solve(system, rows[row])


@compiled()
def _solve(system: Doubles, row: Floats) -> None:
    """By Cholesky. `system` holds the lower half, and the right-hand side as its last row."""
    width = len(row)
    right = system[width]
    for i in range(width + 1):  # to solve the lower root is one more step of finding it
        for j in range(min(i + 1, width)):
            total = system[i, j]
            for k in range(j):
                total -= system[i, k] * system[j, k]
            system[i, j] = np.sqrt(total) if i == j else total / system[j, j]
    for i in range(width - 1, -1, -1):
        for k in range(i + 1, width):
            right[i] -= system[k, i] * right[k]
        right[i] /= system[i, i]
        row[i] = right[i]
