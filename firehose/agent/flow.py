"""One flow at work: one thread reads and packs, others ship, and what is acknowledged can be committed."""

import queue
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from firehose.agent.checkpoint import Position
from firehose.agent.files import Follower
from firehose.agent.generation import Generation
from firehose.agent.packing import Batch, Packer, too_long
from firehose.agent.shipping import Sender
from firehose.agent.status import Counts, FlowStatus

READ_BYTES = 2 * 1024 * 1024  # more than the longest line that fits into a record
_PIECE_BYTES = 1024 * 1024


@dataclass
class Window:
    """Everything read and not yet acknowledged without a gap: what memory holds and a kill may double."""

    budget_bytes: int
    counts: Counts
    lock: threading.RLock
    acknowledged: set[Generation] = field(default_factory=set)  # to be committed
    in_flight_bytes: int = 0
    _batches: deque[Batch] = field(default_factory=deque)

    def has_room(self, size: int) -> bool:
        with self.lock:
            return not self._batches or self.in_flight_bytes + size <= self.budget_bytes

    def add(self, batch: Batch) -> None:
        with self.lock:
            self._batches.append(batch)
            self.in_flight_bytes += batch.bytes

    def acknowledge(self, batch: Batch) -> None:
        with self.lock:
            batch.done = True
            batch.records = []
            while self._batches and self._batches[0].done:
                first = self._batches.popleft()
                self.in_flight_bytes -= first.bytes
                self.counts.add(lines=first.lines, size=first.bytes)
                for generation, end in first.ends.items():
                    generation.acknowledged = max(generation.acknowledged, end)
                    self.acknowledged.add(generation)

    def empty(self) -> bool:
        with self.lock:
            return not self._batches


class FlowAtWork:
    def __init__(
        self,
        follower: Follower,
        senders: list[Sender],
        counts: Counts,
        budget_bytes: int,
        *,
        until_idle: bool,
        stopping: threading.Event,
    ) -> None:
        self.follower, self.counts = follower, counts
        self.window = Window(budget_bytes, counts, follower.lock)
        self.idle = threading.Event()  # all that was written is acknowledged (not yet: committed)
        self._senders, self._until_idle, self._stopping = senders, until_idle, stopping
        self._packer = Packer(follower.flow)
        self._queue: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        self.finished = threading.Event()  # no more will be read

    def run(self) -> None:
        """Follow the files until told to stop; then hand over what is packed."""
        threads = [threading.Thread(target=self._send, args=(s,), daemon=True) for s in self._senders]
        for thread in threads:
            thread.start()
        scanned = 0.0
        while not self._stopping.is_set():
            if time.monotonic() - scanned >= self.follower.flow.poll_seconds:
                self.follower.scan()
                scanned = time.monotonic()
            progress = sum(self._read_some(generation) for generation in self._readable()) > 0
            age_limit = (
                0.0 if self._until_idle and not progress else self.follower.flow.max_buffer_age_seconds
            )
            if self._packer.held_bytes and self._packer.age_seconds >= age_limit:
                self._hand_over(self._packer.flush())
            if not progress:
                self._rest()
        self._hand_over(self._packer.flush())
        self.finished.set()
        for _thread in threads:
            self._queue.put(None)

    def drained(self) -> bool:
        """Nothing more will be read, and all that was read is acknowledged."""
        return self.finished.is_set() and self.window.empty()

    def positions(self) -> list[Position]:
        """What is to be committed now; a generation is named again only after it moved on."""
        with self.follower.lock:
            changed = self.window.acknowledged | self.follower.moved
            self.window.acknowledged.clear()
            self.follower.moved.clear()
            return [generation.position() for generation in changed]

    def status(self) -> FlowStatus:
        with self.follower.lock:
            lag = sum(max(0, g.size - g.acknowledged) for g in self.follower.generations if not g.ended)
            unfinished = sum(g.unread for g in self.follower.generations)
            files = sum(not g.ended for g in self.follower.generations)
        counts = self.counts
        return FlowStatus(
            flow=self.follower.flow.identity,
            files=files,
            lines=counts.lines,
            records=counts.records,
            bytes=counts.bytes,
            calls=counts.calls,
            retries=counts.retries,
            failed_records=counts.failed_records,
            quarantined=counts.quarantined,
            lag_bytes=lag,
            unfinished_bytes=unfinished if self.idle.is_set() else 0,
            in_flight_bytes=self.window.in_flight_bytes,
            waiting=self._senders[0].circuit.reason,
            last_error=counts.last_error,
        )

    def _readable(self) -> list[Generation]:
        return [generation for generation in self.follower.generations if generation.unread]

    def _read_some(self, generation: Generation) -> bool:
        if not self.window.has_room(READ_BYTES + self._packer.held_bytes):
            return False
        flow = self.follower.flow
        if flow.skip_header_lines and generation.read == 0:
            return self._skip_header(generation)
        start = generation.read
        lines = self.follower.read(generation, READ_BYTES)
        if not lines:
            return generation.unread >= READ_BYTES and self._isolate_endless_line(generation)
        for position, piece in self._without_long_lines(generation, start, lines):
            for batch in self._packer.add(generation, position + len(piece), piece):
                self._hand_over(batch)
        return True

    def _without_long_lines(
        self, generation: Generation, start: int, lines: bytes
    ) -> Iterator[tuple[int, bytes]]:
        done = 0
        for first, end in too_long(lines):
            if first > done:
                yield start + done, lines[done:first]
            self._quarantine(generation, iter((lines[first:end],)), start + first, start + end)
            done = end
        if done < len(lines):
            yield start + done, lines[done:]

    def _isolate_endless_line(self, generation: Generation) -> bool:
        end = self.follower.find_line_end(generation)
        if end is None:
            return False
        start = generation.read
        self._quarantine(generation, self.follower.pieces(generation, start, end), start, end)
        self.follower.pass_over(generation, end)
        return True

    def _quarantine(self, generation: Generation, content: Iterator[bytes], start: int, end: int) -> None:
        """Before the offset passes it, in order with the batches around it."""
        sender = self._senders[0]
        reason = f"a line of {end - start} bytes is longer than a record can be"
        path = sender.quarantine.keep(
            content, sender.flow.stream, reason, f"{generation.path} at byte {start}"
        )
        sender.warn(f"{generation.path}: {reason}: it is in quarantine in {path}")
        self.counts.add(quarantined=1)
        self._hand_over(self._packer.flush())
        passed = Batch(ends={generation: end})
        self.window.add(passed)
        self.window.acknowledge(passed)

    def _skip_header(self, generation: Generation) -> bool:
        end = self.follower.header_end(generation, self.follower.flow.skip_header_lines)
        if end is None:
            return False
        self.follower.pass_over(generation, end)
        passed = Batch(ends={generation: end})
        self.window.add(passed)
        self.window.acknowledge(passed)
        return True

    def _hand_over(self, batch: Batch | None) -> None:
        if batch is not None:
            self.idle.clear()
            self.window.add(batch)
            self._queue.put(batch)

    def _rest(self) -> None:
        """Nothing to read now: it may all be done, or the window be full, or lines be unfinished."""
        if self.window.empty() and not self._packer.held_bytes:
            self.follower.scan()
            if not any(self._has_whole_line(generation) for generation in self._readable()):
                self.idle.set()
        self._stopping.wait(self.follower.flow.poll_seconds if not self._until_idle else 0.01)

    def _has_whole_line(self, generation: Generation) -> bool:
        return generation.size != generation.searched and self.follower.find_line_end(generation) is not None

    def _send(self, sender: Sender) -> None:
        while (batch := self._queue.get()) is not None:
            if sender.ship(batch):
                self.window.acknowledge(batch)
