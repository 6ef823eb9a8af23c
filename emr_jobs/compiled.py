"""How the numeric kernels are compiled: to machine code that holds no lock, so that threads share a process.

The code is kept in the user's cache folder under its source's digest: it serves a checkout and the zip that a
cluster's step imports alike, wherever that lies. Where nothing may be written, it is compiled anew.
"""

import hashlib
import inspect
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numba

CACHE = "cadabra/kernels"  # below the user's cache folder


class DigestLocator:
    """Where numba keeps a function's machine code; it asks for a class of just these methods."""

    def __init__(self, function: Callable[..., Any]) -> None:
        module = inspect.getmodule(function)
        self._digest = hashlib.sha256(inspect.getsource(module or function).encode()).hexdigest()
        self._line = function.__code__.co_firstlineno

    @classmethod
    def from_function(cls, function: Callable[..., Any], _file: str) -> Self | None:
        locator = cls(function)
        try:
            locator.ensure_cache_path()
        except OSError:
            return None
        return locator

    def ensure_cache_path(self) -> None:
        path = Path(self.get_cache_path())
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()  # raises where nothing may be written

    def get_cache_path(self) -> str:
        folder = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return str(Path(folder) / CACHE / self._digest[:16])

    def get_source_stamp(self) -> str:
        return self._digest

    def get_disambiguator(self) -> str:
        return str(self._line)


def compiled(*, fastmath: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    numba.config.CACHE_LOCATOR_CLASSES = f"{__name__}.{DigestLocator.__name__}"  # type: ignore[attr-defined]  # numba makes it at import

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        try:
            return numba.njit(nogil=True, fastmath=fastmath, cache=True)(function)
        except RuntimeError:  # the locator found no folder it may write to
            return numba.njit(nogil=True, fastmath=fastmath)(function)

    return decorate
