"""Which ratings are held out when: each belongs to one of several parts, told by its pair and a seed."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pyspark.sql import Column
from pyspark.sql import functions as F

Parts = npt.NDArray[np.int8]
NOTHING = -1  # held out: trained on all
MOST_PARTS = 127  # a part is a byte


class TooFewError(ValueError):
    """So few ratings cannot be parted: some part would have nothing to train on, or nothing to foretell."""


@dataclass(frozen=True, slots=True)
class Folds:
    """So many parts, of which each of the first `judged` is held out in turn."""

    parts: int = 5
    judged: int = 5
    seed: int = 0

    def part(self, user: str, item: str) -> Column:
        """The same for a pair however the ratings are read, dealt or ordered."""
        told = F.xxhash64(F.col(user), F.col(item), F.lit(self.seed))
        return F.pmod(told, F.lit(self.parts)).cast("byte")

    @property
    def held_out(self) -> tuple[int, ...]:
        return tuple(range(self.judged))

    def check(self, sums: dict[int, tuple[int, float]]) -> None:
        """`sums` has how many ratings each part has."""
        counts = {part: count for part, (count, _) in sums.items()}
        ratings = sum(counts.values())
        if any(not 0 < counts.get(part, 0) < ratings for part in self.held_out):
            raise TooFewError(
                f"{ratings:,} ratings are too few to be judged in {self.parts} parts: one of them is empty. "
                "Give more ratings, or fewer parts (--folds)"
            )
