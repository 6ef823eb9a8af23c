"""A version's files of NumPy arrays, read with every byte checked. Used by all that keep such files.

NumPy leaves what a damaged byte raises to zlib, zipfile, tokenize and struct; here it is one error.
"""

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[Any]]


class ArraysUnreadableError(ValueError):
    """The file holds no arrays, or not those that were written."""


def read(raw: bytes) -> Arrays:
    """The arrays by name; each file in the archive is read whole, so that its checksum is compared."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as held:
            return {name.removesuffix(".npy"): _array(held.read(name)) for name in held.namelist()}
    except Exception as error:  # (there is no telling what a damaged byte raises)
        raise ArraysUnreadableError(f"it is no whole file of arrays: {error}") from error


@contextmanager
def reading(raw: bytes, unreadable: type[Exception], what: str) -> Iterator[Arrays]:
    """The arrays, to make something of: whatever keeps that from being done is `unreadable`."""
    try:
        yield read(raw)
    except KeyError as missing:
        raise unreadable(f"no {what} can be read from it: it has no {missing}") from missing
    except (ValueError, TypeError, AttributeError) as error:
        raise unreadable(f"no {what} can be read from it: {error}") from error


def _array(raw: bytes) -> npt.NDArray[Any]:
    array: npt.NDArray[Any] = np.lib.format.read_array(io.BytesIO(raw), allow_pickle=False)
    return array
