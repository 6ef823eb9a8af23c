"""A forest of decision trees as flat arrays, and the kernel that walks it.

A node's value above its threshold goes to the child after the left one. Leaves lead to themselves, so that
every row takes the same number of steps and no step is a guess.
"""

import io
import zipfile
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from emr_jobs.als.kernel import Floats, Ints
from emr_jobs.compiled import compiled

Doubles = npt.NDArray[np.float64]

ROWS = 128  # scored together, so that a tree is read once for all of them
FORMAT = 1  # of the file


class ForestUnreadableError(ValueError):
    """The file holds no forest of this code's; a new one is trained."""


@dataclass(frozen=True, slots=True)
class Forest:
    names: tuple[str, ...]  # of the features, in the order of the columns
    trained: int  # the time whose past it knows, seconds
    starts: Ints  # each tree's root
    depths: Ints  # each tree's steps from root to leaf, at most
    feature: Ints
    threshold: Floats
    left: Ints
    value: Doubles  # of a leaf

    def scores(self, values: Floats) -> Doubles:
        answer = np.zeros(len(values))
        _walk(values, self.starts, self.depths, self.feature, self.threshold, self.left, self.value, answer)
        return answer


def dump(forest: Forest) -> bytes:
    file = io.BytesIO()
    held = {name: getattr(forest, name) for name in Forest.__slots__}
    np.savez_compressed(file, format=FORMAT, **(held | {"names": np.array(forest.names, np.str_)}))
    return file.getvalue()


def load(raw: bytes) -> Forest:
    try:
        with np.load(io.BytesIO(raw), allow_pickle=False) as held:
            if int(held["format"]) != FORMAT:
                raise ForestUnreadableError(f"it has format {held['format']}, this code reads {FORMAT}")
            arrays = {name: held[name] for name in Forest.__slots__ if name not in ("names", "trained")}
            forest = Forest(tuple(held["names"].tolist()), int(held["trained"]), **arrays)
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, EOFError, AttributeError, TypeError) as error:
        raise ForestUnreadableError(f"no forest can be read from it: {error}") from error
    _check(forest)
    return forest


def _check(forest: Forest) -> None:
    """The kernel reads without looking: what leads out of the arrays is refused here."""
    nodes = len(forest.feature)
    inside = all(
        len(array) == nodes and array.dtype == kind
        for array, kind in (
            (forest.feature, np.int32),
            (forest.threshold, np.float32),
            (forest.left, np.int32),
            (forest.value, np.float64),
        )
    )
    if not (
        inside
        and len(forest.starts) == len(forest.depths)
        and _within(forest.starts, nodes)
        and _within(forest.left, nodes)
        and _within(forest.left[np.isfinite(forest.threshold)] + 1, nodes)
        and _within(forest.feature, len(forest.names))
        and np.isfinite(forest.value).all()
    ):
        raise ForestUnreadableError(f"its {nodes} nodes lead out of it")


def _within(places: Ints, length: int) -> bool:
    return bool(np.all((places >= 0) & (places < length)))


@compiled()
def _walk(
    values: Floats,
    starts: Ints,
    depths: Ints,
    feature: Ints,
    threshold: Floats,
    left: Ints,
    value: Doubles,
    answer: Doubles,
) -> None:
    node = np.empty(ROWS, np.int32)
    for first in range(0, len(values), ROWS):
        count = min(ROWS, len(values) - first)
        for tree in range(len(starts)):
            for row in range(count):
                node[row] = starts[tree]
            for _ in range(depths[tree]):
                for row in range(count):
                    at = node[row]
                    node[row] = left[at] + np.int32(values[first + row, feature[at]] > threshold[at])
            for row in range(count):
                answer[first + row] += value[node[row]]
