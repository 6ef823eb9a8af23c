"""A forest of decision trees as flat arrays, kept as one file.

A node's value above its threshold goes to the child after the left one. Leaves lead to themselves.
"""

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from emr_jobs import arrays
from emr_jobs.als.kernel import Floats, Ints
from emr_jobs.ranker.leaves import Leaves, leaves

Doubles = npt.NDArray[np.float64]

FORMAT = 2  # of the file


class ForestUnreadableError(ValueError):
    """The file holds no forest of this code's; a new one is trained."""


@dataclass(frozen=True, slots=True)
class Forest:
    names: tuple[str, ...]  # of the features, in the order of the columns
    trained: int  # the time whose past it knows, seconds
    starts: Ints  # each tree's root
    feature: Ints
    threshold: Floats
    left: Ints
    value: Doubles  # of a leaf

    def leaves(self) -> Leaves:
        """The form that scores; made once for many blocks of rows."""
        return leaves(self.starts, self.feature, self.threshold, self.left, self.value)

    def scores(self, values: Floats) -> Doubles:
        return self.leaves().scores(values)


def joined(one: Forest, other: Forest, weight: float) -> Forest:
    """The sum of their scores, the other's times the weight."""
    nodes = np.int32(len(one.feature))
    return Forest(
        one.names,
        one.trained,
        np.concatenate([one.starts, other.starts + nodes]),
        np.concatenate([one.feature, other.feature]),
        np.concatenate([one.threshold, other.threshold]),
        np.concatenate([one.left, other.left + nodes]),
        np.concatenate([one.value, other.value * weight]),
    )


def dump(forest: Forest) -> bytes:
    file = io.BytesIO()
    held = {name: getattr(forest, name) for name in Forest.__slots__}
    np.savez_compressed(file, format=FORMAT, **(held | {"names": np.array(forest.names, np.str_)}))
    return file.getvalue()


def load(raw: bytes) -> Forest:
    with arrays.reading(raw, ForestUnreadableError, "forest") as held:
        if int(held["format"]) != FORMAT:
            raise ForestUnreadableError(f"it has format {held['format']}, this code reads {FORMAT}")
        nodes = {name: held[name] for name in Forest.__slots__ if name not in ("names", "trained")}
        forest = Forest(tuple(held["names"].tolist()), int(held["trained"]), **nodes)
    _check(forest)
    return forest


def _check(forest: Forest) -> None:
    """Scoring reads without looking: what leads out of the arrays, or in a circle, is refused here."""
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
        and _within(forest.starts, nodes)
        and _within(forest.left, nodes)
        and np.array_equal(np.isinf(forest.threshold), forest.left == np.arange(nodes))
        and _are_trees(forest.starts, forest.left, nodes)
        and _within(forest.feature, len(forest.names))
        and np.isfinite(forest.value).all()
    ):
        raise ForestUnreadableError(f"its {nodes} nodes lead out of it")


def _are_trees(starts: Ints, left: Ints, nodes: int) -> bool:
    """Children stand after their parent, and each node has one parent or is a root."""
    parents = np.flatnonzero(left != np.arange(nodes))
    reached = np.concatenate([starts, left[parents], left[parents] + 1])
    return bool(np.all(left[parents] > parents)) and np.array_equal(np.sort(reached), np.arange(nodes))


def _within(places: Ints, length: int) -> bool:
    return bool(np.all((places >= 0) & (places < length)))
