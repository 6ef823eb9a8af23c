"""Where a thread holds a block's scores: the same memory for block after block. Used by group.

New arrays of this size are new pages of the system, which cost more than all that is computed in them.
"""

import threading

import numpy as np

from emr_jobs.als.kernel import Floats, Ints


class Room(threading.local):
    """Each thread has arrays of its own; what stands in one is gone when it is asked for again."""

    def __init__(self) -> None:
        self._floats: dict[str, Floats] = {}
        self._ints: dict[str, Ints] = {}

    def floats(self, name: str, shape: tuple[int, int]) -> Floats:
        """Zeros."""
        held = self._floats.get(name)
        if held is None or not _fits(held.shape, shape):
            held = self._floats[name] = np.empty(shape, np.float32)
        found = held[: shape[0]]
        found[:] = 0
        return found

    def ints(self, name: str, shape: tuple[int, int], value: int) -> Ints:
        held = self._ints.get(name)
        if held is None or not _fits(held.shape, shape):
            held = self._ints[name] = np.empty(shape, np.int32)
        found = held[: shape[0]]
        found[:] = value
        return found


def _fits(held: tuple[int, ...], shape: tuple[int, int]) -> bool:
    return held[0] >= shape[0] and held[1] == shape[1]
