"""Lines into records and records into batches, within the destination's limits."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from firehose.agent.config import MAX_RECORD_BYTES, Flow
from firehose.agent.generation import Generation


@dataclass(eq=False)
class Batch:
    """What one call ships, and up to where in each file its acknowledgement reaches."""

    records: list[bytes] = field(default_factory=list)
    bytes: int = 0
    lines: int = 0
    ends: dict[Generation, int] = field(default_factory=dict)
    begun: float = field(default_factory=time.monotonic)
    done: bool = False


class Packer:
    """Takes whole lines; what it gives back is full, or flushed."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._batch = Batch()
        self._open: list[bytes] = []  # the lines of a record that still has room
        self._open_bytes = 0

    @property
    def held_bytes(self) -> int:
        return self._batch.bytes + self._open_bytes

    @property
    def age_seconds(self) -> float:
        return time.monotonic() - self._batch.begun if self.held_bytes else 0.0

    def add(self, generation: Generation, end: int, lines: bytes) -> Iterator[Batch]:
        """Take lines that end at byte `end` of their file. None of them is longer than a record."""
        if not self.held_bytes:
            self._batch.begun = time.monotonic()
        if self._flow.aggregated_record_bytes:
            yield from self._add_packed(generation, end, lines)
        else:
            yield from self._add_single(generation, end, lines)

    def flush(self) -> Batch | None:
        self._close_record()
        batch, self._batch = self._batch, Batch()
        return batch if batch.records else None

    def _add_packed(self, generation: Generation, end: int, lines: bytes) -> Iterator[Batch]:
        start, total = 0, len(lines)
        while start < total:
            if len(self._batch.records) >= self._flow.max_batch_records:
                yield from self._full()
            batch_room = self._flow.max_batch_bytes - self.held_bytes
            room = min(self._flow.aggregated_record_bytes - self._open_bytes, batch_room)
            cut = lines.rfind(b"\n", start, start + max(0, room)) + 1
            if not cut and self._open:
                self._close_record()
                continue
            if not cut:  # one line longer than a packed record goes alone
                cut = lines.index(b"\n", start) + 1
                if cut - start > batch_room and self._batch.records:
                    yield from self._full()
            self._take(lines[start:cut])
            self._batch.ends[generation] = end - total + cut
            start = cut
            if start < total:
                self._close_record()

    def _add_single(self, generation: Generation, end: int, lines: bytes) -> Iterator[Batch]:
        position = end - len(lines)
        for line in lines[:-1].split(b"\n"):
            size = len(line) + 1
            if (
                len(self._batch.records) >= self._flow.max_batch_records
                or self._batch.bytes + size > self._flow.max_batch_bytes
            ):
                self._batch.ends[generation] = position
                yield from self._full()
            position += size
            self._batch.records.append(line + b"\n")
            self._batch.bytes += size
            self._batch.lines += 1
        self._batch.ends[generation] = end

    def _take(self, piece: bytes) -> None:
        self._open.append(piece)
        self._open_bytes += len(piece)
        self._batch.lines += piece.count(b"\n")

    def _close_record(self) -> None:
        if self._open:
            self._batch.records.append(b"".join(self._open))
            self._batch.bytes += self._open_bytes
            self._open, self._open_bytes = [], 0

    def _full(self) -> Iterator[Batch]:
        batch = self.flush()
        if batch:
            yield batch


def too_long(lines: bytes) -> Iterator[tuple[int, int]]:
    """Where the lines stand that fit into no record."""
    if len(lines) <= MAX_RECORD_BYTES:
        return
    start = 0
    while len(lines) - start > MAX_RECORD_BYTES:
        cut = lines.rfind(b"\n", start, start + MAX_RECORD_BYTES) + 1
        if not cut:
            cut = lines.index(b"\n", start) + 1
            yield start, cut
        start = cut
