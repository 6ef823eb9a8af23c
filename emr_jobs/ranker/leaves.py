"""A forest's scores without a walk through its trees: each test bars the leaves that a row cannot fall into.

A tree's leaves are the bits of a number. A node's test takes away the bits of one of its two sides; the one
that no test took is the row's leaf. A test on many rows is a few wide instructions, where each step of a walk
waits for the one before: an eighth of the time. Used by forest.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from emr_jobs.als.kernel import Floats, Ints
from emr_jobs.compiled import compiled

Bits = npt.NDArray[np.uint32]
Doubles = npt.NDArray[np.float64]

ROWS = 128  # scored together: their features stay in the core's nearest cache
LEAVES = 32  # of a piece; a larger tree is several pieces, and a row has its leaf in one of them
_SPREAD = 0x077CB531  # shifted by any number of bits, its highest five tell by how many
_FIVE = 27
_ALL = 2**LEAVES - 1
_SHIFTS = np.empty(LEAVES, np.int32)
for _shift in range(LEAVES):
    _SHIFTS[(_SPREAD << _shift & _ALL) >> _FIVE] = _shift


@dataclass(frozen=True, slots=True)
class Leaves:
    """The pieces of all trees, in the trees' order."""

    starts: Ints  # each piece's first test, and the end of the last
    feature: Ints  # of each test
    threshold: Floats
    above: Bits  # the leaves it leaves where the value is above the threshold
    below: Bits  # and where it is not
    whole: Bits  # each piece's leaves
    value: Doubles  # a row of LEAVES for each piece

    def scores(self, values: Floats) -> Doubles:
        """One for each row; quickest where the columns of `values` are contiguous."""
        answer = np.zeros(len(values))
        columns = np.ascontiguousarray(values.T)
        tests = self.feature, self.threshold, self.above, self.below
        _add(columns, self.starts, *tests, self.whole, self.value, _SHIFTS, answer)
        return answer


def leaves(starts: Ints, feature: Ints, threshold: Floats, left: Ints, value: Doubles) -> Leaves:
    """Of the trees of a forest's flat arrays."""
    ends, whole, values = [0], [], []
    tests: list[int] = []
    masks: list[tuple[int, int]] = []
    for root in starts.tolist():
        found, sides = _sides(root, left)
        for first in range(0, len(found), LEAVES):
            piece = found[first : first + LEAVES]
            for node, (begin, middle, end) in sides.items():
                lower, upper = _bits(begin - first, middle - first), _bits(middle - first, end - first)
                if lower | upper:
                    tests.append(node)
                    masks.append((~lower & _ALL, ~upper & _ALL))
            ends.append(len(tests))
            whole.append(_bits(0, len(piece)))
            values.append(np.append(value[piece], np.zeros(LEAVES - len(piece))))
    above, below = np.array(masks, np.uint32).reshape(-1, 2).T.copy()
    return Leaves(
        np.array(ends, np.int32),
        feature[tests],
        threshold[tests],
        above,
        below,
        np.array(whole, np.uint32),
        np.array(values, np.float64).reshape(-1, LEAVES),
    )


def _sides(root: int, left: Ints) -> tuple[list[int], dict[int, tuple[int, int, int]]]:
    """A tree's leaves from left to right; of each node above them, which those of its sides are."""
    found: list[int] = []
    sides: dict[int, tuple[int, int, int]] = {}

    def visit(node: int) -> None:
        child = int(left[node])
        if child == node:
            found.append(node)
            return
        begin = len(found)
        visit(child)
        middle = len(found)
        visit(child + 1)
        sides[node] = begin, middle, len(found)

    visit(root)
    return found, sides


def _bits(begin: int, end: int) -> int:
    """Those from `begin` to before `end`, as far as a piece has them."""
    begin, end = (min(max(place, 0), LEAVES) for place in (begin, end))
    return (1 << end) - (1 << begin)


@compiled()
def _add(
    columns: Floats,
    starts: Ints,
    feature: Ints,
    threshold: Floats,
    above: Bits,
    below: Bits,
    whole: Bits,
    value: Doubles,
    shifts: Ints,
    answer: Doubles,
) -> None:
    left = np.empty(ROWS, np.uint32)
    values = np.zeros((len(columns), ROWS), np.float32)
    for first in range(0, len(answer), ROWS):
        count = min(ROWS, len(answer) - first)
        for column in range(len(columns)):
            values[column, :count] = columns[column, first : first + count]
        for piece in range(len(whole)):
            left[:] = whole[piece]
            for test in range(starts[piece], starts[piece + 1]):
                tested, bar = values[feature[test]], threshold[test]
                upper, lower = above[test], below[test]
                for row in range(ROWS):
                    left[row] &= upper if tested[row] > bar else lower
            for row in range(count):
                if left[row]:
                    leaf = shifts[np.uint32(left[row] * np.uint32(_SPREAD)) >> _FIVE]
                    answer[first + row] += value[piece, leaf]
