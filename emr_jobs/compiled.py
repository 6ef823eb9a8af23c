"""How the numeric kernels are compiled: to machine code that holds no lock, so that threads share one process.

The code is kept beside its source. In a zip on a cluster there is no such place: there it is compiled anew, while
Spark starts.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit

_KEPT = Path(__file__).exists()


def compiled(*, fastmath: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        try:
            return njit(nogil=True, fastmath=fastmath, cache=_KEPT)(function)
        except RuntimeError:  # numba found no folder that it may write to
            return njit(nogil=True, fastmath=fastmath)(function)

    return decorate
