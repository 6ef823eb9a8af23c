"""The two equations by which nothing is lost: landed = the sum of the fates; written = landed - duplicates.

Pure: rows of the lake's ledger in, one account for each source out. `cadabra status` and the demo show them.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from contracts.order_line import Fate
from infra.console import counted

NO_IDS = "(no ids)"  # lines without an event id: nothing can say how many were written
SHOWN_GAPS = 5  # in a complaint; --json has them all
Ranges = tuple[tuple[int, int], ...]  # sequences, both ends included


@dataclass(frozen=True)
class Account:
    source: str
    landed: int
    fates: Mapping[Fate, int]
    written: int | None  # the source's last sequence; None where its lines have no ids
    gaps: Ranges | None = None  # the sequences that landed in no object; None where the ledger does not tell

    @property
    def unaccounted(self) -> int:
        """Landed lines without a fate, or fates without a line."""
        return self.landed - sum(self.fates.values())

    @property
    def missing(self) -> int:
        """Lines the source wrote that never landed; negative where more landed than were written."""
        if self.written is None:
            return 0
        return self.written - (self.landed - self.fates[Fate.DUPLICATE])

    @property
    def agrees(self) -> bool:
        return self.unaccounted == 0 and self.missing == 0 and not self.gaps

    def complaint(self) -> str:
        """What does not add up, for a person."""
        if self.unaccounted:
            added = sum(self.fates.values())
            return f"{self.source}: {counted(self.landed, 'line')} landed, but the fates add up to {added:,}"
        if self.missing > 0:
            are = "is" if self.missing == 1 else "are"
            which = f": {spoken(self.gaps)}" if self.gaps else ""
            return (
                f"{self.source}: {self.missing:,} of {counted(self.written or 0, 'written line')} {are} "
                f"not in the lake (yet){which}"
            )
        if self.missing < 0:
            more = counted(-self.missing, "more line")
            return f"{self.source}: {more} landed than its sequence says were written"
        return (
            f"{self.source}: as many lines landed as were written, but {spoken(self.gaps or ())} "
            "did not: others are counted twice"
        )


def spoken(gaps: Ranges) -> str:
    """The first few of these ranges, and how many more there are."""
    shown = [f"{first:,}" if first == last else f"{first:,}-{last:,}" for first, last in gaps[:SHOWN_GAPS]]
    more = len(gaps) - len(shown)
    return ", ".join(shown) + (f" and {counted(more, 'more gap')}" if more else "")


def accounts(rows: Iterable[Mapping[str, Any]]) -> Iterator[Account]:
    """As `accounts_of`, from plain rows of the ledger."""
    return accounts_of(pa.Table.from_pylist([{"sources": row["sources"]} for row in rows]))


def accounts_of(ledger: pa.Table) -> Iterator[Account]:
    """One account for each source, summed over the objects of the ledger."""
    if not ledger.num_rows:
        return
    entries = pc.list_flatten(ledger["sources"].combine_chunks())
    fields = {field.name: pc.struct_field(entries, field.name) for field in entries.type}
    counts = ("landed", *(fate.value for fate in Fate))
    table = pa.table({name: fields[name] for name in ("source", "last", *counts)})
    sums = table.group_by("source").aggregate([("last", "max"), *((name, "sum") for name in counts)])
    for row in sums.sort_by("source").to_pylist():
        name, last = row["source"], row["last_max"]
        gaps = _gaps(fields, name, last) if name and "ranges" in fields else None
        fates = {fate: row[f"{fate.value}_sum"] for fate in Fate}
        yield Account(name or NO_IDS, row["landed_sum"], fates, last if name else None, gaps)


def _gaps(fields: Mapping[str, Any], source: str, last: int) -> Ranges | None:
    """What no object of this source has; None where the ledger does not say it of each."""
    lists = fields["ranges"].filter(pc.equal(fields["source"], source))
    if lists.null_count or pa.types.is_null(lists.type):
        return None
    ranges = pc.list_flatten(lists)
    first, end = (np.asarray(pc.struct_field(ranges, name)) for name in ("first", "last"))
    return gaps(first, end, last)


def gaps(first: NDArray[np.int64], last: NDArray[np.int64], upto: int) -> Ranges:
    """The numbers from 1 to `upto` that none of these ranges has; they may overlap, in any order."""
    order = np.argsort(first, kind="stable")
    reached = np.concatenate([[0], np.maximum.accumulate(last[order])])
    begins = np.concatenate([first[order], [upto + 1]])
    found = np.flatnonzero(begins > reached + 1)
    return tuple((int(reached[place]) + 1, int(begins[place]) - 1) for place in found)


def total(found: Iterable[Account]) -> Account:
    """All sources as one account; lines without ids count as written once each."""
    kept = list(found)
    fates = {fate: sum(account.fates[fate] for account in kept) for fate in Fate}
    written = sum(
        account.landed - account.fates[Fate.DUPLICATE] if account.written is None else account.written
        for account in kept
    )
    return Account("all", sum(account.landed for account in kept), fates, written)
