"""One delivery stream at work. The server puts, its carrier seals and delivers."""

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from firehose.delivery.definition import Definition
from firehose.delivery.segment import Segment
from firehose.delivery.spool import Spool
from firehose.delivery.waybill import Waybill
from firehose.durable import write_durably

DEFINITION_NAME = "stream.json"


@dataclass
class Stream:
    """A stream at work: its definition, its spool, and what was delivered since the start."""

    definition: Definition
    directory: Path
    spool: Spool
    delivered_objects: int = 0
    delivered_records: int = 0
    last_error: str = ""
    source_error: str = ""
    stopping: threading.Event = field(default_factory=threading.Event)

    def define(self, definition: Definition) -> None:
        write_durably(self.directory / DEFINITION_NAME, definition.to_bytes())
        self.definition = definition

    def append(self, records: list[bytes], arrival: float) -> None:
        """Durable on return; the buffer is sealed when it is full."""
        self.spool.append(records, arrival, self._seal_if_full)

    def _seal_if_full(self, active: Segment) -> None:
        if active.payload_bytes >= self.definition.destination.buffer_bytes:
            self.seal()

    def seal(self) -> None:
        """The buffer becomes an object with a key. Call with `spool.changed` held."""
        if self.spool.active:
            self.spool.seal(self.waybill(self.spool.active))

    def waybill(self, segment: Segment) -> bytes:
        definition = self.definition
        return Waybill.write(
            definition.name, definition.version, definition.destination, segment.oldest
        ).to_bytes()

    def delivered(self, segment: Segment) -> None:
        """S3 has it."""

        def count() -> None:
            self.delivered_records += segment.records

        self.spool.remove(segment, count)

    def drained(self) -> bool:
        """Nothing more will come and nothing is left."""
        return self.definition.deleting and not self.spool.segments()

    def stop(self) -> None:
        self.stopping.set()
        self.wake()

    def wake(self) -> None:
        with self.spool.changed:
            self.spool.changed.notify_all()

    def health(self, now: float) -> dict[str, Any]:
        with self.spool.changed:
            segments, records = self.spool.segments(), self.delivered_records
        oldest = min((segment.oldest for segment in segments), default=now)
        return {
            "pending_records": sum(segment.records for segment in segments),
            "pending_bytes": sum(segment.payload_bytes for segment in segments),
            "oldest_pending_seconds": round(max(0.0, now - oldest), 3),
            "delivered_objects": self.delivered_objects,
            "delivered_records": records,
            "last_error": self.last_error or self.source_error or "; ".join(self.spool.damaged),
        }
