"""ALS in one process: threads over the kernel, which holds no lock. For all data that fits a machine."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from emr_jobs.als.kernel import Floats, solve_rows
from emr_jobs.als.objective import Objective
from emr_jobs.als.training import Trained, Training, alternate


def fit(training: Training) -> Trained:
    by_customer, by_item = training.ratings, training.ratings.T.tocsr()
    customers, items = training.customers, training.items
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool, threadpool_limits(1, "blas"):
        half = partial(_half, pool, threads, training.objective, training.exact)
        return alternate(
            training,
            solve_items=partial(half, by_item, customers, items),
            solve_customers=partial(half, by_customer, items, customers),
        )


def fold_in(ratings: sparse.csr_matrix, items: Floats, objective: Objective) -> Floats:
    """The factors of customers known by their ratings alone, solved exactly."""
    customers = np.zeros((ratings.shape[0], items.shape[1]), np.float32)
    with ThreadPoolExecutor(1) as pool, threadpool_limits(1, "blas"):
        _half(pool, 1, objective, True, ratings, items, customers)
    return customers


def _half(
    pool: ThreadPoolExecutor,
    threads: int,
    objective: Objective,
    exact: bool,
    ratings: sparse.csr_matrix,
    other: Floats,
    solution: Floats,
) -> float:
    """Each thread has every so-manieth row: long and short ones are dealt out evenly."""
    starts, gramian = ratings.indptr.astype(np.int64), objective.gramian(other)
    columns, values = (
        ratings.indices.astype(np.int32, copy=False),
        ratings.data.astype(np.float32, copy=False),
    )

    def share(first: int) -> float:
        weights = objective.weights(len(other))
        cost: float = solve_rows(
            first, threads, starts, columns, values, other, gramian, *weights, exact, solution
        )
        return cost

    return sum(pool.map(share, range(threads)))
