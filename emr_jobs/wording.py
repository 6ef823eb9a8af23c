"""The words of item names as numbers, a rare word counting for more: TF-IDF.

Used by described and the ranker.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from emr_jobs.als.kernel import Floats, Ints, Longs

_WORD = re.compile(r"[^\W_]{2,}")


@dataclass(frozen=True, slots=True)
class Wording:
    """A row for each name, of length 1 (0 for one without words); a word is a number below `vocabulary`."""

    starts: Longs  # each row's first word, and the end of the last
    words: Ints
    counts: Floats
    vocabulary: int

    def holders(self, weights: Floats) -> "Holders":
        """Of each word, its count in each name times the name's weight; a name of weight 0 holds none."""
        held = sparse.csr_array(self.matrix().multiply(weights[:, None]).T)
        held.eliminate_zeros()
        return Holders(held.indptr.astype(np.int64), held.indices.astype(np.int32), held.data)

    def matrix(self) -> sparse.csr_array:
        shape = len(self.starts) - 1, self.vocabulary
        return sparse.csr_array((self.counts, self.words, self.starts), shape=shape)


@dataclass(frozen=True, slots=True)
class Holders:
    """A row for each word: the names that hold it."""

    starts: Longs
    rows: Ints
    counts: Floats


def wording(names: Sequence[str]) -> Wording:
    numbers: dict[str, int] = {}
    rows = [[numbers.setdefault(word, len(numbers)) for word in sorted(words(name))] for name in names]
    sizes = np.array([len(row) for row in rows], np.int64)
    held = np.array([word for row in rows for word in row], np.int32)
    rarity = np.log((1 + len(names)) / (1 + np.bincount(held, minlength=len(numbers)))) + 1
    row = np.repeat(np.arange(len(names)), sizes)
    lengths = np.sqrt(np.bincount(row, rarity[held] ** 2, len(names)))
    counts = (rarity[held] / lengths[row]).astype(np.float32)
    return Wording(np.concatenate([[0], np.cumsum(sizes)]), held, counts, len(numbers))


def words(name: str) -> set[str]:
    """Its words of two letters or more, lanterns and lantern being one."""
    return {found.rstrip("s") for found in _WORD.findall(name.casefold())}
