"""`cadabra status --recount`: the ledger's fates against what the tables hold now, object by object."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

from contracts.order_line import Fate
from infra.lake import tables

# What a line leaves in a table; a duplicate and an erased line leave nothing.
STORED = (Fate.SALE, Fate.RETURN, Fate.FEE, Fate.GUEST, Fate.REJECTED)
Stored = Mapping[str, Mapping[str, int]]  # lines by object and fate


@dataclass(frozen=True, slots=True)
class Difference:
    object: str
    told: dict[str, int] | None  # by the ledger, only the fates that differ; None where it lacks the object
    found: dict[str, int]

    def __str__(self) -> str:
        if self.told is None:
            found = ", ".join(f"{count:,} {fate}" for fate, count in self.found.items())
            return f"{self.object}: the ledger does not have it, the tables hold {found}"
        fates = (f"{told:,} {fate}, found {self.found[fate]:,}" for fate, told in self.told.items())
        return f"{self.object}: told {'; told '.join(fates)}"


def recount() -> tuple[int, list[Difference]]:
    """How many objects the ledger has, and those that the tables see otherwise."""
    ledger = tables.read("ledger", ("object", *STORED))
    told = ledger.to_pylist() if ledger is not None else []
    return len(told), list(differences(told, stored()))


def stored() -> Stored:
    """The lines of each object as the tables hold them; in memory, a few numbers for each object."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for batch in tables.batches("orders", ("object", "fate")):
        add(counts, pa.table(batch))
    for batch in tables.batches("rejects", ("object",)):
        fate = pa.repeat(Fate.REJECTED.value, batch.num_rows)
        add(counts, pa.table(batch).append_column("fate", fate))
    return counts


def add(counts: defaultdict[str, Counter[str]], lines: pa.Table) -> None:
    for row in lines.group_by(["object", "fate"]).aggregate([([], "count_all")]).to_pylist():
        counts[row["object"]][row["fate"]] += row["count_all"]


def differences(told: Iterable[Mapping[str, int | str]], found: Stored) -> Iterator[Difference]:
    """Where the ledger's rows and the tables do not agree, and what the tables have beyond them."""
    known = set()
    for row in told:
        key = str(row["object"])
        known.add(key)
        counts = {fate.value: (int(row[fate]), found.get(key, {}).get(fate, 0)) for fate in STORED}
        other = {fate: pair for fate, pair in counts.items() if pair[0] != pair[1]}
        if other:
            yield Difference(
                key, {fate: a for fate, (a, _) in other.items()}, {fate: b for fate, (_, b) in other.items()}
            )
    for key in sorted(found.keys() - known):
        yield Difference(key, None, dict(found[key]))
