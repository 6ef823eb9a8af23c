"""A stream's records on disk until S3 has them: acknowledged means in here and synced.

The active segment takes frames; sealing it writes down the object's key, for good; delivering it removes it.
"""

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from firehose.delivery.segment import (
    TRANSFORMED_SUFFIX,
    WAYBILL_SUFFIX,
    DamagedFrameError,
    Segment,
    framed,
    read_frame,
)
from firehose.durable import remove_durably, sync_directory, write_durably

_SEGMENT = "{:012d}.segment"
_DAMAGED_SUFFIX = ".damaged"  # what a disk gave back wrong, kept for a human


class SpoolFullError(RuntimeError):
    """No more can be taken until S3 has some of it."""


class SpoolDamagedError(RuntimeError):
    """The directory is no spool that this program left."""


@dataclass
class Spool:
    """Thread-safe: requests append, one delivery thread seals and removes."""

    directory: Path
    budget_bytes: int
    damaged: list[str] = field(default_factory=list)
    active: Segment | None = None
    sealed: list[Segment] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    _descriptor: int = -1
    _next: int = 0
    _written: int = 0  # frames handed to the operating system since the start
    _synced: int = 0  # of these, frames on the disk
    _sync_lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def open(cls, directory: Path, budget_bytes: int) -> "Spool":
        """What the last process left, whether it ended or was killed."""
        directory.mkdir(parents=True, exist_ok=True)
        sync_directory(directory.parent)
        spool = cls(directory, budget_bytes)
        for path in sorted(directory.glob("*.segment")):
            spool._next = int(path.stem) + 1
            spool._place(spool._recover(path))
        for suffix in (WAYBILL_SUFFIX, TRANSFORMED_SUFFIX):
            for path in directory.glob("*" + suffix):
                if not path.with_suffix(".segment").exists():
                    path.unlink()
        sync_directory(directory)  # before a new segment can take the number of a waybill that is left over
        if spool.active:
            spool._descriptor = os.open(spool.active.path, os.O_WRONLY | os.O_APPEND)
        return spool

    def append(
        self, records: Sequence[bytes], arrival: float, after: Callable[[Segment], None] = lambda _: None
    ) -> None:
        """Durable on return. Raises SpoolFullError with nothing taken.

        `after` sees the active segment before another put can add to it.
        """
        parts = framed(records, arrival)
        with self.changed:
            ticket = self._write(parts, arrival, len(records), len(parts[-1]))
            if self.active:
                after(self.active)
            self.changed.notify_all()
        self._sync(ticket)

    def seal(self, waybill: bytes) -> None:
        """The active segment becomes the object that `waybill` describes. Call with `changed` held."""
        if self.active is None:
            return
        os.fsync(self._descriptor)
        self.active.seal(waybill)
        self.sealed.append(self.active)
        self.close()
        self.active = None
        self.changed.notify_all()

    def remove(self, segment: Segment, after: Callable[[], None] = lambda: None) -> None:
        """S3 has it: the segment goes first, its waybill after, so that a kill makes no second object.

        Whoever holds `changed` sees the segment gone and `after` done, or neither.
        """
        remove_durably(segment.path)
        segment.waybill_path.unlink(missing_ok=True)
        segment.transformed_path.unlink(missing_ok=True)
        with self.changed:
            self.sealed.remove(segment)
            after()
            self.changed.notify_all()

    def segments(self) -> list[Segment]:
        with self.changed:
            return [*self.sealed, *([self.active] if self.active else [])]

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _write(self, parts: Sequence[bytes], arrival: float, records: int, payload_bytes: int) -> int:
        frame_bytes = sum(map(len, parts))
        held = sum(segment.file_bytes for segment in self.sealed)
        held += self.active.file_bytes if self.active else 0
        if held + frame_bytes > self.budget_bytes:
            raise SpoolFullError(f"the spool {self.directory} holds {held:,} of {self.budget_bytes:,} bytes")
        segment = self.active or self._new_segment()
        try:
            _write_whole(self._descriptor, parts, frame_bytes)
        except OSError as error:
            os.ftruncate(self._descriptor, segment.file_bytes)
            raise SpoolFullError(f"the spool {self.directory} cannot be written: {error}") from error
        segment.note(frame_bytes, arrival, records, payload_bytes)
        self._written += 1
        return self._written

    def _new_segment(self) -> Segment:
        path = self.directory / _SEGMENT.format(self._next)
        try:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise SpoolFullError(f"the spool {self.directory} cannot be written: {error}") from error
        self._next += 1
        sync_directory(self.directory)
        self.active = Segment(path)
        return self.active

    def _sync(self, ticket: int) -> None:
        """Group commit: whoever gets the lock syncs for all who wrote before. Sealed segments are synced."""
        with self._sync_lock:
            if self._synced >= ticket:
                return
            with self.changed:
                covered = self._written
                descriptor = os.dup(self._descriptor) if self.active else None
            if descriptor is not None:
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
            self._synced = covered

    def _place(self, segment: Segment) -> None:
        if segment.waybill_path.exists():
            self.sealed.append(segment)
        elif not segment.records:
            segment.path.unlink()
        elif self.active is None:
            self.active = segment
        else:
            raise SpoolDamagedError(
                f"{self.active.path} and {segment.path} are both open, which no process leaves behind: "
                "was a spool restored from a backup? Move one of them away"
            )

    def _recover(self, path: Path) -> Segment:
        segment = Segment(path)
        with path.open("rb+") as file:
            while True:
                start = file.tell()
                try:
                    frame = read_frame(file.read)
                except DamagedFrameError as error:
                    self._set_aside(path, start, error)
                    frame = None
                if frame is None:
                    break
                segment.note(file.tell() - start, frame.arrival, len(frame.lengths), len(frame.payload))
            if path.stat().st_size != start:  # a put that was never acknowledged
                file.truncate(start)
                os.fsync(file.fileno())
        return segment

    def _set_aside(self, path: Path, start: int, error: Exception) -> None:
        with path.open("rb") as file:
            file.seek(start)
            rest = file.read()
        kept = path.with_suffix(_DAMAGED_SUFFIX)
        write_durably(kept, rest)
        self.damaged.append(f"{path.name} is damaged at byte {start} ({error}): its rest is kept in {kept}")


def _write_whole(descriptor: int, parts: Sequence[bytes], total: int) -> None:
    written = os.writev(descriptor, parts)
    if written != total:
        raise OSError(f"{written} of {total} bytes written")
