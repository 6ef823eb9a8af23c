"""Training: our kernel cold and warm, on generated purchases; `implicit` and MLlib beside it where installed.

python bench/als.py [--customers 140000 --items 20000 --pairs 9490000 --rank 64 --iterations 10]
"""

import argparse
import resource
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
from scipy import sparse

from emr_jobs import factors, rehearsal
from emr_jobs.als import local
from emr_jobs.factors import Factors
from emr_jobs.settings import Settings

TASTES = 40  # each customer mixes three of them
HELD_OUT = 0.1
TOP = 20
JUDGED_CUSTOMERS = 5_000


def purchases(customers: int, items: int, pairs: int, seed: int = 0) -> sparse.csr_matrix:
    """Customers with tastes, items with long-tailed popularity inside each taste."""
    noise = np.random.default_rng(seed)
    activity = noise.lognormal(0, 1, customers)
    drawn = noise.multinomial(int(pairs * 1.35), activity / activity.sum())
    customer = np.repeat(np.arange(customers), drawn)
    tastes = noise.integers(0, TASTES, (customers, 3))
    taste = tastes[customer, np.minimum(2, noise.geometric(0.5, len(customer)) - 1)]
    rank = (items // TASTES * noise.random(len(customer)) ** 3).astype(np.int64)
    item = rank * TASTES + taste
    matrix = sparse.csr_matrix((np.ones(len(item), np.float32), (customer, item)), (customers, items))
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix


def split(matrix: sparse.csr_matrix, seed: int = 1) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    held = np.random.default_rng(seed).random(matrix.nnz) < HELD_OUT
    sides = []
    for chosen in (~held, held):
        side = matrix.copy()
        side.data = np.where(chosen, side.data, np.float32(0))
        side.eliminate_zeros()
        sides.append(side)
    return sides[0], sides[1]


def recall(
    known: sparse.csr_matrix, held: sparse.csr_matrix, customers: np.ndarray, items: np.ndarray
) -> float:
    """The mean share of a customer's held-out items among the best 20 of what they had not bought."""
    rows = np.flatnonzero(np.diff(held.indptr))[:JUDGED_CUSTOMERS]
    scores = customers[rows] @ items.T
    scores[known[rows].nonzero()] = -np.inf
    best = np.argpartition(-scores, TOP, axis=1)[:, :TOP]
    hits = np.asarray(np.take_along_axis(held[rows].toarray(), best, 1)).sum(axis=1)
    return float(np.mean(hits / np.diff(held.indptr)[rows]))


def measured(what: str, work: Callable[[], object], quality: Callable[[], float]) -> float:
    """Run it and print its CPU and wall seconds; the CPU seconds are the answer."""
    wall, cpu = time.perf_counter(), time.process_time()
    loss = work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    said = f"loss {loss:,.0f}, " if isinstance(loss, float) else ""
    print(f"{what:<38}{cpu:8.2f} CPU s {wall:8.2f} wall s   {said}recall@{TOP} {quality():.4f}", flush=True)
    return cpu


def main() -> None:
    options = _options()
    settings = replace(Settings(), rank=options.rank, iterations=options.iterations, enough_gain=0.0)
    rehearsal.rehearse()  # compiled before anything is timed
    known, held = split(purchases(options.customers, options.items, options.pairs))
    last_hour = known.copy()
    last_hour.data = np.where(np.random.default_rng(2).random(known.nnz) < options.new_share, 0, known.data)
    last_hour.eliminate_zeros()
    names = [pa.array(map(str, range(length)), pa.string()) for length in known.shape]
    start = factors.cold(names[0], names[1], settings.rank, seed=0)
    print(
        f"{known.shape[0]:,} customers x {known.shape[1]:,} items, {known.nnz:,} pairs, rank {settings.rank}"
    )

    def ours(factors_: Factors, iterations: int) -> float:
        few = replace(settings, iterations=iterations)
        return list(local.train(known, factors_.of_customers, factors_.of_items, few))[-1]

    def quality(factors_: Factors) -> float:
        return recall(known, held, factors_.of_customers, factors_.of_items)

    what = f"ours, {settings.iterations} iterations"
    cold = measured(what, lambda: ours(start, settings.iterations), lambda: quality(start))
    older = factors.cold(names[0], names[1], settings.rank, seed=0)
    list(local.train(last_hour, older.of_customers, older.of_items, settings))
    what = f"ours warm, +{options.new_share:.1%} pairs, 2 iterations"
    warm = measured(what, lambda: ours(older, 2), lambda: quality(older))
    print(f"warm / cold CPU: {warm / cold:.2f}")
    _implicit(known, held, settings, cold)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


def _implicit(known: sparse.csr_matrix, held: sparse.csr_matrix, settings: Settings, cold: float) -> None:
    try:
        from implicit.als import AlternatingLeastSquares
    except ImportError:
        print("implicit is not installed (pip install implicit): not compared")
        return
    model = AlternatingLeastSquares(
        settings.rank, iterations=settings.iterations, alpha=settings.purchase_weight
    )

    theirs = measured(
        f"implicit, CG, {settings.iterations} iterations",
        lambda: model.fit(known, show_progress=False),
        lambda: recall(known, held, model.user_factors, model.item_factors),
    )
    print(f"implicit / ours CPU: {theirs / cold:.1f}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--customers", type=int, default=14_000)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--pairs", type=int, default=949_000)
    parser.add_argument("--rank", type=int, default=64)
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--new-share", type=float, default=0.003, help="of pairs, in the warm run")
    return parser.parse_args()


if __name__ == "__main__":
    main()
