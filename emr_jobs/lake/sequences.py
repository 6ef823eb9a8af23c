"""Sets of a source's sequences as ranges, so that a million lines in order are one pair. Pure.

A set is an array of (first, last) rows, both included, in order, with a gap before each.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Ranges = NDArray[np.int64]
Values = NDArray[np.int64]
NONE: Ranges = np.empty((0, 2), np.int64)


def of(values: Values) -> Ranges:
    """The set of these values, in any order."""
    if not len(values):
        return NONE
    steps = np.diff(values)
    if (steps < 1).any():
        values = np.unique(values)
        steps = np.diff(values)
    breaks = np.flatnonzero(steps > 1)
    firsts = values[np.concatenate(([0], breaks + 1))]
    lasts = values[np.concatenate((breaks, [len(values) - 1]))]
    return np.stack([firsts, lasts], axis=1)


def union(found: list[Ranges]) -> Ranges:
    """All of them in one set."""
    every = np.concatenate([NONE, *found])
    if len(every) < 2:  # noqa: PLR2004 (one range is in order)
        return every
    every = every[np.argsort(every[:, 0], kind="stable")]
    reach = np.maximum.accumulate(every[:, 1])
    begins = np.flatnonzero(np.concatenate(([True], every[1:, 0] > reach[:-1] + 1)))
    ends = np.concatenate((begins[1:] - 1, [len(every) - 1]))
    return np.stack([every[begins, 0], reach[ends]], axis=1)


def intersection(one: Ranges, other: Ranges) -> Ranges:
    """What is in both."""
    low = np.searchsorted(other[:, 1], one[:, 0])  # the first of the other's that does not end before
    high = np.searchsorted(other[:, 0], one[:, 1], side="right")
    counts = np.maximum(high - low, 0)
    mine = np.repeat(np.arange(len(one)), counts)
    theirs = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + low[mine]
    return np.stack(
        [np.maximum(one[mine, 0], other[theirs, 0]), np.minimum(one[mine, 1], other[theirs, 1])], axis=1
    )


def difference(one: Ranges, other: Ranges) -> Ranges:
    """What is in the first only."""
    common = intersection(one, other)
    if not len(common):
        return one
    edges = np.concatenate([one[:, 0], common[:, 1] + 1]), np.concatenate([one[:, 1], common[:, 0] - 1])
    firsts, lasts = np.sort(edges[0]), np.sort(edges[1])
    return np.stack([firsts, lasts], axis=1)[firsts <= lasts]


def contains(ranges: Ranges, values: Values) -> NDArray[np.bool_]:
    """Which of the values are in the set."""
    if not len(ranges):
        return np.zeros(len(values), bool)
    place = np.searchsorted(ranges[:, 0], values, side="right") - 1
    inside: NDArray[np.bool_] = (place >= 0) & (values <= ranges[place, 1])
    return inside


def size(ranges: Ranges) -> int:
    return int((ranges[:, 1] - ranges[:, 0] + 1).sum())


def disjoint(found: list[Ranges]) -> bool:
    """No value is in two of them."""
    every = np.concatenate([NONE, *found])
    every = every[np.argsort(every[:, 0], kind="stable")]
    return not (every[1:, 0] <= np.maximum.accumulate(every[:, 1])[:-1]).any()


def plain(ranges: Ranges) -> list[dict[str, Any]]:
    """The form of the ledger's column."""
    return [{"first": first, "last": last} for first, last in ranges.tolist()]
