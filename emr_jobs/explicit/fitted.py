"""A trained model, whichever: a row for each user and item, the bias first, then the taste."""

from dataclasses import dataclass

import numpy as np

from emr_jobs import topk
from emr_jobs.als.kernel import Doubles, Floats, Ints, Longs
from emr_jobs.explicit.blocks import Block

# Less than any difference that is learnt, more than the rounding of a sum of equal stars.
NUDGE = np.float32(1e-6)


@dataclass(frozen=True, slots=True)
class Fitted:
    users: Floats
    items: Floats
    mean: float | None  # of the ratings; None for a model that ranks and foretells no rating
    counts: Longs  # the ratings each item was learnt from

    def ratings(self, users: Floats, items: Ints) -> Doubles:
        """What these users, a row each, would give these items; for a model without a mean, nonsense."""
        chosen = self.items[items]
        tastes = np.einsum("ij,ij->i", users[:, 1:], chosen[:, 1:], dtype=np.float64)
        return np.asarray((self.mean or 0.0) + users[:, 0] + chosen[:, 0] + tastes, np.float64)

    def ranking(self, users: Floats) -> tuple[Floats, Floats]:
        """Rows whose products order the items for each of these users.

        Among equals the one of more ratings stands first; an item learnt from none is barred.
        """
        items = self.items.copy()
        items[:, 0] += NUDGE * (self.counts / max(1, self.counts.max(initial=0))).astype(np.float32)
        items[self.counts == 0, 0] = topk.BARRED
        return np.hstack([np.ones((len(users), 1), np.float32), users[:, 1:]]), items

    def best(self, block: Block, count: int) -> Ints:
        """The best items of each of the block's users, but those of the block."""
        users, items = self.ranking(self.users[block.first : block.first + len(block)])
        return topk.unbought(users, items, block.starts, block.columns, count)
