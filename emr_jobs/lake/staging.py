"""Some raw objects become data files and an account of what landed. Runs in a task; ingest deals the objects.

Doubles inside an object are found here; those of several objects by the driver, from the accounts.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from contracts.erasure import NOBODY, Suppression
from contracts.order_line import Fate
from emr_jobs.lake import event_ids, sequences
from emr_jobs.lake.data_files import DataFile, DayFiles, Layout
from emr_jobs.lake.event_ids import NO_SOURCE
from emr_jobs.lake.objects import RawObject, blocks
from emr_jobs.lake.order_rows import CONTENT_SOURCE, SUPPRESSED, landed_rows
from emr_jobs.lake.sequences import Ranges


@dataclass(slots=True)
class SourceAccount:
    """What one object holds of one source."""

    landed: int = 0
    duplicates: int = 0
    ranges: Ranges = field(default_factory=lambda: sequences.NONE)  # the sequences that landed
    erased: Ranges = field(default_factory=lambda: sequences.NONE)  # those of them that are erased
    erased_without_id: int = 0

    @property
    def last(self) -> int:
        return int(self.ranges[-1, 1]) if len(self.ranges) else 0


@dataclass(frozen=True, slots=True)
class ObjectAccount:
    """What one object holds. `contents` are the ids of its lines that came without one."""

    found: RawObject
    sources: defaultdict[str, SourceAccount]
    contents: list[str]

    @property
    def landed(self) -> int:
        return sum(source.landed for source in self.sources.values())


@dataclass(frozen=True, slots=True)
class Staged:
    files: list[DataFile]
    objects: list[ObjectAccount]


def stage(
    s3: Any,
    read: Callable[[str], Iterable[bytes]],
    found: Iterable[RawObject],
    layouts: dict[str, Layout],
    zone: ZoneInfo,
    name: str,
    suppression: Suppression = NOBODY,
    erase: Callable[[RawObject], RawObject] = lambda found: found,
) -> Staged:
    """The lines of these objects as data files of orders and rejects; `name` is in every file's name.

    `erase` puts marks into an object that holds lines of suppressed customers.
    """
    files = {table: DayFiles(layouts[table], name) for table in ("orders", "rejects")}
    accounts = []
    for item in found:
        account = ObjectAccount(item, defaultdict(SourceAccount), [])
        suppressed = False
        for rows in landed_rows(item, blocks(read(item.key)), zone, suppression):
            suppressed |= bool(suppression) and SUPPRESSED in rows["reason"].unique().to_pylist()
            _take(rows, account, files)
        accounts.append(replace(account, found=erase(item)) if suppressed else account)
    return Staged([file for written in files.values() for file in written.put(s3)], accounts)


def _take(rows: pa.RecordBatch, account: ObjectAccount, files: dict[str, DayFiles]) -> None:
    """Count a batch and hand on what is to be stored."""
    if not rows.num_rows:
        return
    once = _counted_once(rows, account)
    for table, wanted in _by_table(rows["fate"]):
        own = once & wanted
        if own.any():
            kept = rows if own.all() else rows.filter(pa.array(own))
            files[table].add(kept, account.found.key)


def _counted_once(rows: pa.RecordBatch, account: ObjectAccount) -> NDArray[np.bool_]:
    """Which rows are the first of their id in the object; all of them are counted."""
    once = np.ones(rows.num_rows, bool)
    erased = np.asarray(pc.equal(rows["fate"], Fate.ERASED.value))
    for source, own, values in event_ids.by_source(rows["event_id"]):
        counted = account.sources[source]
        counted.landed += len(own)
        if source == NO_SOURCE:
            counted.erased_without_id += int(erased[own].sum())
            _note_contents(rows["event_id"].take(pa.array(own)), account)
            continue
        fresh = _fresh(values, counted.ranges)
        once[own[~fresh]] = False
        counted.duplicates += int((~fresh).sum())
        counted.ranges = sequences.union([counted.ranges, sequences.of(values)])
        gone = values[fresh & erased[own]]
        counted.erased = sequences.union([counted.erased, sequences.of(gone)])
    return once


def _fresh(values: NDArray[np.int64], before: Ranges) -> NDArray[np.bool_]:
    """The first of each value that is not in `before`."""
    if (np.diff(values) > 0).all() and (not len(before) or values[0] > before[-1, 1]):
        return np.ones(len(values), bool)
    first = np.zeros(len(values), bool)
    first[np.unique(values, return_index=True)[1]] = True
    fresh: NDArray[np.bool_] = first & ~sequences.contains(before, values)
    return fresh


def _note_contents(ids: pa.StringArray, account: ObjectAccount) -> None:
    account.contents.extend(ids.filter(pc.starts_with(ids, f"{CONTENT_SOURCE}:")).to_pylist())


def _by_table(fates: pa.StringArray) -> Iterable[tuple[str, NDArray[np.bool_]]]:
    rejected = np.asarray(pc.equal(fates, Fate.REJECTED.value))
    erased = np.asarray(pc.equal(fates, Fate.ERASED.value))
    yield "rejects", rejected
    yield "orders", ~rejected & ~erased
