"""What a block of users adds to the figures of a model, and the sum of such tallies. Runs in tasks.

The ranking figures are those of the order path, over the users who liked something that was held out:
everything that a user did not rate before is ranked, and an item nobody rated before counts as missed.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from contracts.lists import SHOWN_ENTRIES
from emr_jobs.als.kernel import Doubles
from emr_jobs.explicit.blocks import Block
from emr_jobs.explicit.cleaning import Scale
from emr_jobs.explicit.fitted import Fitted
from emr_jobs.judging import evaluation
from emr_jobs.judging.evaluation import Truth

# Grain: a block of users and a held-out part. Sums over ratings, over users who liked something, and over the
# entries of their lists.
SUMS = ("ratings", "squares", "absolutes", "users", "ndcg", "recall", "entries", "bits")
_SUMMED = [("fold", pa.int32()), *((name, pa.float64()) for name in SUMS)]
TALLIES = pa.schema([*_SUMMED, ("shown", pa.binary())])  # a bit for each item: whether a list shows it
TOTALS = pa.schema([*_SUMMED, ("items", pa.int64())])  # how many any list shows
_NUMBERS = "fold int, " + ", ".join(f"{name} double" for name in SUMS)
TALLIES_DDL, TOTALS_DDL = f"{_NUMBERS}, shown binary", f"{_NUMBERS}, items long"


@dataclass(frozen=True, slots=True)
class Judged:
    """A model with one part held out, and what its lists and ratings are measured by."""

    fold: int
    fitted: Fitted
    scale: Scale
    bits: Doubles  # how surprising each item is

    def tally(self, block: Block) -> pa.RecordBatch:
        """A row of TALLIES."""
        sums, shown = self._found(block)
        sums |= self._errors(block.where(block.parts == self.fold))
        numbers = [[float(sums.get(name, 0))] for name in SUMS]
        return pa.RecordBatch.from_arrays(
            [[self.fold], *numbers, [np.packbits(shown).tobytes()]], schema=TALLIES
        )

    def _errors(self, held: Block) -> dict[str, float]:
        if self.fitted.mean is None:
            return {"ratings": len(held.ratings)}
        foretold = self.fitted.ratings(self.fitted.users[held.first + held.rows], held.columns)
        errors = np.clip(foretold, self.scale.low, self.scale.high) - held.ratings
        return {
            "ratings": len(errors),
            "squares": float(errors @ errors),
            "absolutes": float(np.abs(errors).sum()),
        }

    def _found(self, block: Block) -> "tuple[dict[str, float], np.ndarray[tuple[int], np.dtype[np.bool_]]]":
        """The sums, and which items the lists show."""
        held = block.where((block.parts == self.fold) & (block.ratings >= self.scale.liked))
        width = len(self.fitted.items)
        shown = np.zeros(width, np.bool_)
        users, sizes = np.unique(held.rows, return_counts=True)
        if not len(users):
            return {}, shown
        keys = np.sort(held.rows * width + held.columns)
        truth = Truth(users.astype(np.int32), sizes.astype(np.int32), keys, width)
        lists = self.fitted.best(block.where(block.parts != self.fold), SHOWN_ENTRIES)
        entries = lists[users]
        entries = entries[entries >= 0]
        shown[entries] = True
        return {
            "users": len(users),
            "ndcg": float(evaluation.ndcg(lists, truth, SHOWN_ENTRIES).sum()),
            "recall": float(evaluation.recall(lists, truth, SHOWN_ENTRIES).sum()),
            "entries": len(entries),
            "bits": float(self.bits[entries].sum()),
        }, shown


def total(tallies: pa.Table) -> pa.Table:
    """TALLIES of one held-out part -> its one row of TOTALS."""
    sums = [[pc.sum(tallies[name]).as_py()] for name in SUMS]
    bits = [np.frombuffer(raw, np.uint8) for raw in tallies["shown"].to_pylist()]
    items = int(np.bitwise_count(np.bitwise_or.reduce(bits)).sum())
    return pa.table([tallies["fold"][:1], *sums, [items]], schema=TOTALS)
