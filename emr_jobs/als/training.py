"""What every driver takes and gives, and the alternation of the two halves that ours share."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from emr_jobs.als.kernel import Floats
from emr_jobs.als.objective import Objective


class RatingsRefusedError(ValueError):
    """These ratings, or this start, can teach nothing."""


@dataclass(frozen=True, slots=True)
class Training:
    """Customers by items; a stored rating is a pair bought. The result overwrites the start's rows."""

    ratings: sparse.csr_matrix
    customers: Floats
    items: Floats
    objective: Objective
    iterations: int = 10
    enough_gain: float = 0.0  # training ends when an iteration lowers the loss by less than this share
    exact: bool = False  # Cholesky instead of conjugate gradients: four times the work

    def __post_init__(self) -> None:
        shape = self.ratings.shape
        for side, factors, length in zip(
            ("customers", "items"), (self.customers, self.items), shape, strict=True
        ):
            if factors.dtype != np.float32 or factors.shape != (length, self.rank):
                raise RatingsRefusedError(
                    f"the ratings are of {length:,} {side}, but their start is {factors.dtype} factors of"
                    f" {factors.shape}: start with one float32 row each"
                )
        if not self.ratings.nnz:
            raise RatingsRefusedError(
                f"nothing to train on: {shape[0]:,} customers, {shape[1]:,} items, and no purchase among them"
            )
        wrong = np.flatnonzero(~(np.isfinite(self.ratings.data) & (self.ratings.data > 0)))
        if len(wrong):
            customer = np.searchsorted(self.ratings.indptr, wrong[0], "right") - 1
            raise RatingsRefusedError(
                f"{len(wrong):,} of {self.ratings.nnz:,} ratings are no positive number, the first"
                f" {self.ratings.data[wrong[0]]} of customer row {customer}, item row"
                f" {self.ratings.indices[wrong[0]]}: leave such pairs out"
            )

    @property
    def rank(self) -> int:
        return int(self.items.shape[1])


@dataclass(frozen=True, slots=True)
class Trained:
    customers: Floats
    items: Floats
    losses: tuple[float, ...]  # after each iteration; MLlib tells only the last
    seconds: tuple[float, ...]  # of each iteration, on the clock


def alternate(
    training: Training, solve_items: Callable[[], float], solve_customers: Callable[[], float]
) -> Trained:
    """Solve one side, then the other, until an iteration gains too little.

    The customers' half runs last, so that their factors are the fold-in of the final items' factors.
    """
    bought = np.bincount(training.ratings.indices, minlength=len(training.items))
    losses: list[float] = []
    seconds: list[float] = []
    for _ in range(training.iterations):
        began = time.perf_counter()
        solve_items()
        ridge = training.objective.ridge(bought, training.items, len(training.customers))
        losses.append(solve_customers() + ridge)
        seconds.append(time.perf_counter() - began)
        if len(losses) > 1 and losses[-2] - losses[-1] < training.enough_gain * losses[-2]:
            break
    return Trained(training.customers, training.items, tuple(losses), tuple(seconds))
