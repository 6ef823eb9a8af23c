"""Which lines landed before: in an object that is accounted for, or in an earlier one of this run.

The driver finds them from the sequences that landed, without looking at a line; then a task takes them out of
the files that hold them. A line is known by its event id; where that cannot be read, it is nobody's double.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from emr_jobs.lake import data_files, event_ids, sequences
from emr_jobs.lake.data_files import DataFile, Layout
from emr_jobs.lake.event_ids import NO_SOURCE
from emr_jobs.lake.sequences import Ranges
from emr_jobs.lake.staging import ObjectAccount


@dataclass(slots=True)
class Doubles:
    """The lines of one object that another has already."""

    ranges: dict[str, Ranges] = field(default_factory=dict)  # by source
    contents: set[str] = field(default_factory=set)  # ids of lines that came without one


def find(
    accounts: Iterable[ObjectAccount], stored: Mapping[str, Ranges], stored_contents: Iterable[str]
) -> dict[str, Doubles]:
    """By object key; of the objects of this run the earliest in the order of keys has a line first."""
    found: defaultdict[str, Doubles] = defaultdict(Doubles)
    ordered = sorted(accounts, key=lambda account: account.found.key)
    by_source: defaultdict[str, list[tuple[str, Ranges]]] = defaultdict(list)
    for account in ordered:
        for source, counted in account.sources.items():
            if len(counted.ranges):
                by_source[source].append((account.found.key, counted.ranges))
    for source, landed in by_source.items():
        for key, ranges in _again(landed, stored.get(source, sequences.NONE)):
            found[key].ranges[source] = ranges
    seen = set(stored_contents)
    for account in ordered:
        if again := seen.intersection(account.contents):
            found[account.found.key].contents = again
        seen.update(account.contents)
    return dict(found)


def _again(landed: list[tuple[str, Ranges]], stored: Ranges) -> Iterable[tuple[str, Ranges]]:
    """What of each object's sequences is stored, or in an object before it."""
    if sequences.disjoint([stored, *(ranges for _, ranges in landed)]):
        return
    seen = stored
    for key, ranges in landed:
        again = sequences.intersection(ranges, seen)
        if len(again):
            yield key, again
        seen = sequences.union([seen, ranges])


@dataclass(frozen=True, slots=True)
class Dropped:
    """What became of a file: its successor, if any row is left, and how many rows are gone."""

    file: DataFile
    successor: DataFile | None
    rows: Counter[tuple[str, str]]  # by object and source


def drop(s3: Any, layout: Layout, file: DataFile, doubles: Mapping[str, Doubles]) -> Dropped:
    """Take the doubles out of a file; runs in a task."""
    rows = data_files.read(s3, layout, file.key)
    double, counts = np.zeros(rows.num_rows, bool), Counter[tuple[str, str]]()
    objects, ids = rows["object"].combine_chunks(), rows["event_id"].combine_chunks()
    for key in set(file.objects) & doubles.keys():
        own = np.flatnonzero(np.asarray(pc.equal(objects, key)))
        for source, gone in _doubles(ids.take(pa.array(own)), doubles[key]):
            double[own[gone]] = True
            counts[key, source] += len(gone)
    if not double.any():
        return Dropped(file, file, counts)
    return Dropped(file, data_files.rewrite(s3, layout, file, rows.filter(pa.array(~double))), counts)


def _doubles(ids: pa.StringArray, doubles: Doubles) -> Iterable[tuple[str, NDArray[np.int64]]]:
    """Which of one object's rows, by source."""
    for source, rows, values in event_ids.by_source(ids):
        if source == NO_SOURCE:
            known = pc.is_in(ids.take(pa.array(rows)), pa.array(sorted(doubles.contents), pa.string()))
            yield source, rows[np.asarray(known)]
        else:
            yield source, rows[sequences.contains(doubles.ranges.get(source, sequences.NONE), values)]
