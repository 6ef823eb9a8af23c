"""What ALS makes small, the iALS objective. Its drivers and the benchmarks weigh factors by it.

A pair never bought costs alpha0 (xy)^2, a bought one of rating r (alpha0 + w r) (1 - xy)^2, and each row
lambda (n + ridge m) |x|^2: n of its pairs bought, m the other side's length (Rendle et al., "Revisiting the
Performance of iALS on Item Recommendation Benchmarks", where ridge is alpha0 too).
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy import sparse

from emr_jobs.als.kernel import Floats, Longs
from emr_jobs.settings import Settings

BLOCK_PAIRS = 1 << 16  # scored at once: their factors of rank 64 are 32 MB


@dataclass(frozen=True, slots=True)
class Objective:
    purchase_weight: float  # w
    pair_weight: float  # alpha0
    regularisation: float  # lambda
    ridge_pair_weight: float  # alpha0 again; MLlib knows only 0

    @classmethod
    def of(cls, settings: Settings, *, everywhere: bool = True) -> Self:
        """`everywhere`: the ridge counts the pairs never bought too."""
        alpha0 = settings.pair_weight
        return cls(settings.purchase_weight, alpha0, settings.regularisation, alpha0 if everywhere else 0.0)

    def gramian(self, factors: Floats) -> Floats:
        return np.float32(self.pair_weight) * (factors.T @ factors)

    def weights(self, others: int) -> tuple[np.float32, np.float32, np.float32, np.float32]:
        """The kernel's four numbers, for rows that each face so many others."""
        unbought = self.ridge_pair_weight * others
        return (
            np.float32(self.pair_weight),
            np.float32(self.purchase_weight),
            np.float32(self.regularisation),
            np.float32(unbought),
        )

    def ridge(self, sizes: Longs, factors: Floats, others: int) -> float:
        """What one side's rows cost by themselves; `sizes` counts each row's pairs."""
        squares = np.einsum("ij,ij->i", factors, factors, dtype=np.float64)
        counted = np.where(sizes > 0, sizes + self.ridge_pair_weight * others, 0.0)
        return self.regularisation * float(squares @ counted)

    def loss(self, ratings: sparse.csr_matrix, customers: Floats, items: Floats) -> float:
        """The whole objective, from its definition."""
        sizes = np.diff(ratings.indptr), np.bincount(ratings.indices, minlength=len(items))
        everything = np.sum((customers.T @ customers) * (items.T @ items), dtype=np.float64)
        return (
            self.pair_weight * float(everything)
            + sum(
                self._bought(ratings, first, customers, items) for first in range(0, ratings.nnz, BLOCK_PAIRS)
            )
            + self.ridge(sizes[0], customers, len(items))
            + self.ridge(sizes[1], items, len(customers))
        )

    def _bought(self, ratings: sparse.csr_matrix, first: int, customers: Floats, items: Floats) -> float:
        """What a block of pairs costs beyond what they would have cost unbought."""
        end = min(first + BLOCK_PAIRS, ratings.nnz)
        rows = np.searchsorted(ratings.indptr, np.arange(first, end), "right") - 1
        scores = np.einsum("ij,ij->i", customers[rows], items[ratings.indices[first:end]], dtype=np.float64)
        weights = self.pair_weight + self.purchase_weight * ratings.data[first:end].astype(np.float64)
        return float(weights @ (1 - scores) ** 2 - self.pair_weight * scores @ scores)
