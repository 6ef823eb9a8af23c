"""Made purchases of any size, quick and decided by a seed: what the benches of the model train and rank on.

Customers mix three of forty tastes and are busy or not (log-normal); inside a taste, few items sell much.
numpy and scipy are all it needs: the peers' environment has no more.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import sparse

TASTES = 40
DRAWN = 1.3  # lines for each pair wanted: the rest are bought again
NOBODY = -1  # held out of a customer with a single pair


def purchases(customers: int, items: int, pairs: int, seed: int = 0) -> sparse.csr_matrix:
    customer, item = lines(customers, items, pairs, np.random.default_rng(seed))
    ones = np.ones(len(customer), np.float32)
    matrix = sparse.csr_matrix((ones, (customer, item)), (customers, items))
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix


def hold_out(matrix: sparse.csr_matrix, seed: int = 1) -> tuple[sparse.csr_matrix, npt.NDArray[np.int32]]:
    """The matrix without one pair of each customer who has two, and those pairs' items."""
    sizes = np.diff(matrix.indptr)
    place = matrix.indptr[:-1] + (np.random.default_rng(seed).random(len(sizes)) * sizes).astype(np.int64)
    several = sizes > 1
    held = np.full(len(sizes), NOBODY, np.int32)
    held[several] = matrix.indices[place[several]]
    kept = np.ones(matrix.nnz, np.bool_)
    kept[place[several]] = False
    return only(matrix, kept), held


def without(matrix: sparse.csr_matrix, share: float, seed: int = 2) -> sparse.csr_matrix:
    """As it was before its newest pairs."""
    return only(matrix, np.random.default_rng(seed).random(matrix.nnz) >= share)


def only(matrix: sparse.csr_matrix, kept: npt.NDArray[np.bool_]) -> sparse.csr_matrix:
    starts = np.concatenate([[0], np.cumsum(kept)])[matrix.indptr]
    return sparse.csr_matrix((matrix.data[kept], matrix.indices[kept], starts.astype(np.int32)), matrix.shape)


def save(folder: Path, name: str, matrix: sparse.csr_matrix) -> Path:
    path = folder / f"{name}.npz"
    np.savez(path, indptr=matrix.indptr, indices=matrix.indices, shape=matrix.shape)
    return path


def load(path: Path) -> sparse.csr_matrix:
    with np.load(path) as held:
        ones = np.ones(len(held["indices"]), np.float32)
        return sparse.csr_matrix((ones, held["indices"], held["indptr"]), tuple(held["shape"]))


def lines(
    customers: int, items: int, pairs: int, noise: np.random.Generator
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Each purchase's customer and item."""
    activity = noise.lognormal(0, 1, customers)
    drawn = noise.multinomial(int(pairs * DRAWN), activity / activity.sum())
    customer = np.repeat(np.arange(customers, dtype=np.int32), drawn)
    tastes = noise.integers(0, TASTES, (customers, 3), np.int32)
    taste = tastes[customer, np.minimum(2, noise.geometric(0.5, len(customer)) - 1)]
    popular = (items // TASTES * noise.random(len(customer), np.float32) ** 3).astype(np.int32)
    return customer, popular * TASTES + taste
