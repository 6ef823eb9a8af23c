"""How many ratings of each item a model learnt from: what orders equals, and how surprising an entry is.

Counted in tasks; what comes to the driver is items and parts.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from emr_jobs.als.kernel import Doubles, Longs
from emr_jobs.explicit.blocks import Block, Ratings, blocks

# Grain: consecutive items. How often each was rated, and liked, in each part.
COUNTED = "first long, rated binary, liked binary"
_COUNTED = pa.schema([("first", pa.int64()), ("rated", pa.binary()), ("liked", pa.binary())])


@dataclass(frozen=True, slots=True)
class Popularity:
    """Rows are items, columns the parts."""

    users: int
    by_part: dict[str, Longs]  # "rated" and "liked"

    def rated(self, held_out: int) -> Longs:
        return _without(self.by_part["rated"], held_out)

    def liked(self, held_out: int) -> Longs:
        return _without(self.by_part["liked"], held_out)

    def items(self, held_out: int) -> int:
        """How many anybody rated."""
        return int(np.count_nonzero(self.rated(held_out)))

    def bits(self, held_out: int) -> Doubles:
        """How surprising each item is: what few of the users rated is."""
        return -np.log2(np.maximum(self.rated(held_out), 1) / self.users)


def counted(ratings: Ratings, liked: float) -> Popularity:
    """From `liked` on a rating says that somebody liked the item."""
    parts = ratings.folds.parts

    def count(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for block in blocks(batch):
                both = (block, block.where(block.ratings >= liked))
                raw = [[by_part(some, parts).tobytes()] for some in both]
                yield pa.RecordBatch.from_arrays([[block.first], *raw], schema=_COUNTED)

    found = ratings.by_item.mapInArrow(count, COUNTED).toArrow().sort_by("first")
    whole = {
        name: np.frombuffer(b"".join(found[name].to_pylist()), np.int64).reshape(-1, parts)
        for name in ("rated", "liked")
    }
    return Popularity(len(ratings.users), whole)


def by_part(block: Block, parts: int) -> Longs:
    """How many ratings each row has in each part."""
    flat = np.bincount(block.rows * parts + block.parts, minlength=len(block) * parts)
    return flat.reshape(-1, parts).astype(np.int64)


def _without(counts: Longs, held_out: int) -> Longs:
    """Of each item; a part below zero is none."""
    whole: Longs = counts.sum(axis=1)
    return whole - counts[:, held_out] if held_out >= 0 else whole
