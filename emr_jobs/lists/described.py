"""Items described alike, for those that too few bought with anything: TF-IDF over the words of their names.

Of two that are equally alike, what sells comes first. Used by served.
"""

import re
from collections.abc import Sequence

import numpy as np
from scipy import sparse

from emr_jobs import topk
from emr_jobs.als.kernel import Floats, Ints

_WORD = re.compile(r"[^\W_]{2,}")
_BLOCK_ITEMS = 256  # their likeness to 50,000 others is 51 MB


def described(names: Sequence[str], asked: Ints, weights: Floats, count: int) -> Ints:
    """A row for each item asked for, best first, topk.NOTHING where fewer share a word with it.

    `weights` multiply each item's likeness; an item of weight 0 stands in no row.
    """
    vectors = word_vectors(names)
    others = sparse.csr_array(vectors.multiply(weights[:, None]).T)
    best = np.empty((len(asked), count), np.int32)
    none = topk.padded(np.zeros(len(names), np.float32), np.float32(0))
    for first in range(0, len(asked), _BLOCK_ITEMS):
        block = asked[first : first + _BLOCK_ITEMS]
        likeness = np.zeros((len(block), len(none)), np.float32)
        likeness[:, : len(names)] = (vectors[block] @ others).toarray()
        likeness[np.arange(len(block)), block] = 0
        likeness[likeness <= 0] = topk.BARRED
        topk.select(likeness, none, best[first : first + _BLOCK_ITEMS])
    return best


def word_vectors(names: Sequence[str]) -> sparse.csr_array:
    """A row of length 1 for each name (0 for one without words): a rare word counts for more."""
    row, word = [], []
    numbers: dict[str, int] = {}
    for item, name in enumerate(names):
        for text in words(name):
            row.append(item)
            word.append(numbers.setdefault(text, len(numbers)))
    places, columns = np.array(row, np.int64), np.array(word, np.int64)
    held_by = np.bincount(columns, minlength=len(numbers))
    rarity = np.log((1 + len(names)) / (1 + held_by)) + 1
    lengths = np.sqrt(np.bincount(places, rarity[columns] ** 2, len(names)))
    values = (rarity[columns] / lengths[places]).astype(np.float32)
    return sparse.csr_array((values, (places, columns)), shape=(len(names), len(numbers)))


def words(name: str) -> set[str]:
    """Its words of two letters or more, lanterns and lantern being one."""
    return {found.rstrip("s") for found in _WORD.findall(name.casefold())}
