"""ALS in one process: threads over the kernel, which holds no lock. Used by the model."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from emr_jobs.als.kernel import Floats, solve_rows
from emr_jobs.settings import Settings


@dataclass(frozen=True, slots=True)
class Side:
    """One side's view of the ratings: a row for each of its members."""

    starts: np.ndarray[tuple[int], np.dtype[np.int64]]
    columns: np.ndarray[tuple[int], np.dtype[np.int32]]
    weights: Floats
    sizes: np.ndarray[tuple[int], np.dtype[np.int64]]


def train(
    ratings: sparse.csr_matrix,
    customers: Floats,
    items: Floats,
    settings: Settings,
    *,
    exact: bool = False,
) -> Iterator[float]:
    """Improve both factor matrices in place; the loss after each iteration, until it gains no more.

    The customers' half runs last, so that their factors are the fold-in of the final items' factors.
    """
    by_customer = _side(ratings, settings.purchase_weight)
    by_item = _side(ratings.T.tocsr(), settings.purchase_weight)
    threads = os.cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool, threadpool_limits(1, "blas"):
        last = np.inf
        for _ in range(settings.iterations):
            _half(pool, threads, by_item, customers, items, settings, exact)
            bought = _half(pool, threads, by_customer, items, customers, settings, exact)
            loss = bought + _rest_of_loss(by_customer, by_item, customers, items, settings)
            yield loss
            if last - loss < settings.enough_gain * last < np.inf:
                return
            last = loss


def fold_in(ratings: sparse.csr_matrix, items: Floats, settings: Settings) -> Floats:
    """The factors of customers known by their ratings alone, solved exactly."""
    customers = np.zeros((ratings.shape[0], items.shape[1]), np.float32)
    side = _side(ratings, settings.purchase_weight)
    with ThreadPoolExecutor(1) as pool, threadpool_limits(1, "blas"):
        _half(pool, 1, side, items, customers, settings, exact=True)
    return customers


def _half(
    pool: ThreadPoolExecutor,
    threads: int,
    side: Side,
    other: Floats,
    solution: Floats,
    settings: Settings,
    exact: bool,
) -> float:
    alpha0 = np.float32(settings.pair_weight)
    gramian = alpha0 * (other.T @ other)

    def share(first: int) -> float:
        added: float = solve_rows(
            first,
            threads,
            side.starts,
            side.columns,
            side.weights,
            other,
            gramian,
            alpha0,
            np.float32(settings.regularisation),
            exact,
            solution,
        )
        return added

    return sum(pool.map(share, range(threads)))


def _rest_of_loss(
    by_customer: Side, by_item: Side, customers: Floats, items: Floats, settings: Settings
) -> float:
    alpha = settings.pair_weight
    everything = alpha * float(np.sum((customers.T @ customers) * (items.T @ items), dtype=np.float64))
    ridge = _ridge(by_customer, customers, alpha * len(items)) + _ridge(
        by_item, items, alpha * len(customers)
    )
    return everything + settings.regularisation * ridge


def _ridge(side: Side, factors: Floats, everything: float) -> float:
    squares = np.einsum("ij,ij->i", factors, factors, dtype=np.float64)
    return float(squares @ (side.sizes + everything))


def _side(ratings: sparse.csr_matrix, weight: float) -> Side:
    starts = ratings.indptr.astype(np.int64)
    weights = (ratings.data * np.float32(weight)).astype(np.float32)
    return Side(starts, ratings.indices.astype(np.int32), weights, np.diff(starts))
