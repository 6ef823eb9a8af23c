"""The two equations by which nothing is lost: landed = the sum of the fates; written = landed - duplicates.

Pure: rows of the lake's ledger in, one account for each source out. `cadabra status` and the demo show them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from contracts.order_line import Fate

NO_IDS = "(no ids)"  # lines without an event id: nothing can say how many were written


@dataclass(frozen=True)
class Account:
    source: str
    landed: int
    fates: Mapping[Fate, int]
    written: int | None  # the source's last sequence; None where its lines have no ids

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
        return self.unaccounted == 0 and self.missing == 0

    def complaint(self) -> str:
        """What does not add up, for a person."""
        if self.unaccounted:
            added = sum(self.fates.values())
            return f"{self.source}: {self.landed:,} lines landed, but the fates add up to {added:,}"
        if self.missing > 0:
            return (
                f"{self.source}: {self.missing:,} of {self.written:,} written lines are not in the lake (yet)"
            )
        return f"{self.source}: {-self.missing:,} more lines landed than its sequence says were written"


def accounts(rows: Iterable[Mapping[str, Any]]) -> Iterator[Account]:
    """One account for each source, summed over the objects of the ledger."""
    sums: defaultdict[str, Counter[str]] = defaultdict(Counter)
    last: defaultdict[str, int] = defaultdict(int)
    for row in rows:
        for source in row["sources"]:
            name = source["source"]
            sums[name].update({key: source[key] for key in ("landed", *Fate)})
            last[name] = max(last[name], source["last"])
    for name in sorted(sums):
        fates = {fate: sums[name][fate] for fate in Fate}
        yield Account(name or NO_IDS, sums[name]["landed"], fates, last[name] if name else None)


def total(found: Iterable[Account]) -> Account:
    """All sources as one account; lines without ids count as written once each."""
    kept = list(found)
    fates = {fate: sum(account.fates[fate] for account in kept) for fate in Fate}
    written = sum(
        account.landed - account.fates[Fate.DUPLICATE] if account.written is None else account.written
        for account in kept
    )
    return Account("all", sum(account.landed for account in kept), fates, written)
