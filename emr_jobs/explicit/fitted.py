"""A trained model, whichever: a row for each user and item, the bias first, then the taste."""

from dataclasses import dataclass

import numpy as np

from emr_jobs import topk
from emr_jobs.als.kernel import Doubles, Floats, Ints


@dataclass(frozen=True, slots=True)
class Fitted:
    users: Floats
    items: Floats
    mean: float | None  # of the ratings; None for a model that ranks and foretells no rating

    @property
    def known(self) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
        """The items that anybody rated: the others' rows are zero."""
        return np.asarray(self.items.any(axis=1))

    def ratings(self, users: Floats, items: Ints) -> Doubles:
        """What these users, a row each, would give these items; for a model without a mean, nonsense."""
        chosen = self.items[items]
        tastes = np.einsum("ij,ij->i", users[:, 1:], chosen[:, 1:], dtype=np.float64)
        return np.asarray((self.mean or 0.0) + users[:, 0] + chosen[:, 0] + tastes, np.float64)

    def ranking(self, users: Floats) -> tuple[Floats, Floats]:
        """Rows whose products order the items for each of these users; an item nobody rated is barred."""
        items = self.items.copy()
        items[~self.known, 0] = topk.BARRED
        return np.hstack([np.ones((len(users), 1), np.float32), users[:, 1:]]), items
