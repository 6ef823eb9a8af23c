"""The sources and sequences in a column of event ids. Pure; used by staging."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from emr_jobs.lake.sequences import Values

Rows = NDArray[np.int64]
NO_SOURCE = ""  # of an id by content, and of a line whose id cannot be read


def by_source(ids: pa.StringArray) -> Iterator[tuple[str, Rows, Values]]:
    """For each source: its rows and their sequences. NO_SOURCE has no sequences: its values are empty."""
    rows = np.arange(len(ids))
    prefix = _prefix(ids)
    if prefix:
        alike = _of_prefix(ids, prefix)
        if alike.all():
            yield prefix[:-1], rows, _numbers(ids, prefix)
            return
        yield prefix[:-1], rows[alike], _numbers(ids.filter(pa.array(alike)), prefix)
        rows, ids = rows[~alike], ids.filter(pa.array(~alike))
    for source, own, values in _split(ids):
        yield source, rows[own], values


def _prefix(ids: pa.StringArray) -> str:
    """The source, with its dash, that most of an object's lines have: what some of them show."""
    for place in (len(ids) // 2, len(ids) // 3, 0) if len(ids) else ():
        source, dash, number = ids[place].as_py().rpartition("-")
        if dash and number.isdecimal():
            return f"{source}-"
    return ""


def _of_prefix(ids: pa.StringArray, prefix: str) -> NDArray[np.bool_]:
    begins = pc.starts_with(ids, prefix)
    numbered = pc.ascii_is_decimal(pc.utf8_slice_codeunits(ids, len(prefix)))
    return np.asarray(pc.and_(begins, numbered))


def _numbers(ids: pa.StringArray, prefix: str) -> Values:
    rest = pc.utf8_slice_codeunits(ids, len(prefix))
    return np.asarray(rest.cast(pa.int64()))


def _split(ids: pa.StringArray) -> Iterator[tuple[str, Rows, Values]]:
    found = pc.extract_regex(ids, r"^(?P<source>.+)-(?P<number>[0-9]{1,15})$")
    known = np.asarray(found.is_valid())
    if not known.all():
        yield NO_SOURCE, np.flatnonzero(~known), np.empty(0, np.int64)
    if not known.any():
        return
    rows, found = np.flatnonzero(known), found.drop_null()
    sources = found.field("source").dictionary_encode()
    numbers = np.asarray(found.field("number").cast(pa.int64()))
    codes = np.asarray(sources.indices)
    order = np.argsort(codes, kind="stable")
    for own in np.split(order, np.flatnonzero(np.diff(codes[order])) + 1):
        yield sources.dictionary[int(codes[own[0]])].as_py(), rows[own], numbers[own]
