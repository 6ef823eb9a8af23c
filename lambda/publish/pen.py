"""Writes items while one publication is the open one, and knows which writes it has not proven since.

A check before a write does not fence it: a worker may sleep between the two until another publication is
live. So each write is followed by another check, the next write's or the part's end; what was written since
the last one that held is `unproven`.
"""

from dataclasses import dataclass, field

from contracts import publications
from contracts.publications import State
from publish.store import WRITE_BATCH, Item, Store, batches

PEN_BATCH = 4 * WRITE_BATCH  # items between two checks: at each call they would be a twentieth of all work


class OvertakenError(RuntimeError):
    """The publication is no longer the open one: nothing more of it is written."""


@dataclass
class Pen:
    store: Store
    number: int
    unproven: list[Item] = field(default_factory=list)

    def write(self, items: list[Item]) -> int:
        """Put or delete up to PEN_BATCH items. Raises OvertakenError where the publication is over."""
        known = publications.read(self.store.dynamodb, self.store.table)
        if known is None or known.number != self.number or known.state != State.OPEN:
            raise OvertakenError(f"publication {self.number} is no longer the open one")
        self.unproven[:] = items
        for few in batches(items, WRITE_BATCH):
            self.store.write(few)
        return len(items)
