"""Near-twins: letter variants of one base code, a plate in four colours. They must not crowd a list."""

import re

import numpy as np
import pyarrow as pa

from contracts.lists import DISCOVER, FOR_YOU, TOGETHER
from emr_jobs import topk
from emr_jobs.als.kernel import Ints

# On two fortnights of Online Retail neither list lost NDCG@20 by it; two twins in for_you cost .001, one
# .003: customers do buy their plate's other colours again. In together only what is described alike counts.
MOST = {FOR_YOU: 3, DISCOVER: 2, TOGETHER: 2}
SPARE = 10  # entries picked beyond a list's length, in place of twins too many
_BASE = re.compile(r"(.*?\d)[A-Z]*")  # a code without the letters of its variant


def base_codes(items: pa.StringArray) -> Ints:
    """A number for each item, the same for the letter variants of one code."""
    bases = [match[1] if (match := _BASE.fullmatch(item)) else item for item in items.to_pylist()]
    return np.unique(np.array(bases, np.str_), return_inverse=True)[1].astype(np.int32)


def families(base: Ints) -> Ints:
    """A number for each item that has variants, which they share; topk.NOTHING for the others."""
    sizes = np.bincount(base)
    number = np.cumsum(sizes > 1, dtype=np.int32) - 1
    return np.where(sizes[base] > 1, number[base], topk.NOTHING).astype(np.int32)


def thinned(best: Ints, base: Ints, most: int, count: int) -> Ints:
    """The first `count` entries of each list, with at most so many of one base code."""
    shown = best >= 0
    codes = np.where(shown, base[best], -1)
    earlier = np.zeros(best.shape, np.int32)
    for place in range(1, best.shape[1]):
        earlier[:, place] = (codes[:, :place] == codes[:, place : place + 1]).sum(axis=1)
    kept = shown & (earlier < most)
    order = np.argsort(~kept, axis=1, kind="stable")[:, :count]
    return np.take_along_axis(np.where(kept, best, topk.NOTHING), order, axis=1).astype(np.int32)
