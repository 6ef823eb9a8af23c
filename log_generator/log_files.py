"""The log folder as a server keeps it: `orders.log`, appended to, and rotated by size or by the hour.

By size as logrotate does: `orders.log.1` is the newest of the old ones. By the hour:
`orders.log.2026-11-20T10` holds that hour's orders. Either by renaming, or by copying and truncating. Old
logs are left to the server's own clean-up.
"""

import fcntl
import filecmp
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import numpy as np

from log_generator.errors import FolderTakenError, ForeignLogError
from log_generator.log_lines import LogLines
from log_generator.log_tail import LIVE_NAME, logs, newest_tail, read_tail
from log_generator.register import Register, sync_folder
from log_generator.traffic import HOUR_S

_COPY_NAME = "rotating.tmp"  # outside of the agents' pattern until it is whole
_LOCK_NAME = "register.lock"


@dataclass(frozen=True, slots=True)
class Rotation:
    max_bytes: int | None = None
    hourly: bool = False
    copytruncate: bool = False


BY_NOTHING = Rotation()


@contextmanager
def writing_alone(folder: Path) -> Iterator[None]:
    """Makes the folder, and keeps others out of it until the end of this process at the latest."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK_NAME).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise FolderTakenError(f"another generator writes to {folder}: stop it first") from error
        yield


class LogFiles:
    """A folder's logs, for their one writer. Opening them finds out where the sequence goes on."""

    def __init__(self, folder: Path, rotation: Rotation, register: Register) -> None:
        self.folder, self._rotation, self._register = folder, rotation, register
        self._live = folder / LIVE_NAME
        self._finish_copytruncate()
        was_there = self._live.exists()
        newest = newest_tail(folder)
        if newest.source not in {"", register.source}:
            raise ForeignLogError(
                f"the logs in {folder} are of source {newest.source}, not {register.source}: "
                "choose another folder, or leave the source away"
            )
        self.sequence = _resumed(register, newest.sequence, was_there=was_there)
        self.time = newest.time
        self._file = self._live.open("ab", buffering=0)
        sync_folder(folder)
        tail = read_tail(self._live)
        self.torn = tail.torn  # the piece of a line that a killed writer left; the next append completes it
        self._size = os.fstat(self._file.fileno()).st_size
        self._hour = (tail.time or newest.time) // HOUR_S
        self._save(register)

    def append(self, lines: LogLines) -> None:
        data, ends = lines.data(), lines.ends()
        begin = 0
        for start, end in self._pieces(lines):
            if lines.sequences[end - 1] > self._register.reserved:
                self._save(self._register.covering(int(lines.sequences[end - 1])))
            self._write(data[begin : ends[end - 1]])
            begin = int(ends[end - 1])
            self.sequence = int(lines.sequences[end - 1])
            self.time = int(lines.times[end - 1])
            self._hour = int(lines.times[start]) // HOUR_S
        self.torn = b""

    def close(self) -> None:
        """The register is exact again, and all is on disk."""
        if self._file.closed:
            return
        os.fsync(self._file.fileno())
        self._save(self._register.settling(self.sequence))
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        """After an error the register keeps its bounds: the logs know better what was written."""
        if error is None:
            self.close()
        self._file.close()

    def _pieces(self, lines: LogLines) -> Iterator[tuple[int, int]]:
        """Runs of lines that go into one file; rotates in between."""
        ends = lines.ends()
        hours = lines.times // HOUR_S
        start = 0
        while start < len(lines):
            written = int(ends[start - 1]) if start else 0
            if not self.torn and self._is_due(int(ends[start]) - written, int(hours[start])):
                self._rotate()
            end = len(lines)
            if self._rotation.max_bytes:
                room = self._rotation.max_bytes - self._size
                end = max(start + 1, int(np.searchsorted(ends, written + room, side="right")))
            if self._rotation.hourly:
                end = min(end, int(np.searchsorted(hours, hours[start], side="right")))
            yield start, end
            start = end

    def _is_due(self, next_bytes: int, hour: int) -> bool:
        if not self._size:
            return False
        too_large = (
            self._rotation.max_bytes is not None and self._size + next_bytes > self._rotation.max_bytes
        )
        return too_large or (self._rotation.hourly and hour > self._hour)

    def _write(self, data: memoryview) -> None:
        while data:
            written = os.write(self._file.fileno(), data)
            self._size += written
            data = data[written:]

    def _rotate(self) -> None:
        os.fsync(self._file.fileno())
        self._save(self._register.settling(self.sequence))
        if self._rotation.copytruncate:
            copy = self.folder / _COPY_NAME
            shutil.copyfile(self._live, copy)
            with copy.open("rb") as written:
                os.fsync(written.fileno())
            copy.rename(self._free_name())
            self._file.truncate(0)
        else:
            self._live.rename(self._free_name())
            self._file.close()
            self._file = self._live.open("ab", buffering=0)
        sync_folder(self.folder)
        self._size = 0

    def _free_name(self) -> Path:
        if self._rotation.hourly:
            stamp = f"{datetime.fromtimestamp(self._hour * HOUR_S, UTC):%Y-%m-%dT%H}"
            name = self.folder / f"{LIVE_NAME}.{stamp}"
            return name if not name.exists() else _make_room(self.folder, name.name)
        return _make_room(self.folder, LIVE_NAME)

    def _finish_copytruncate(self) -> None:
        """Killed between copy and truncate, the live log stands there twice."""
        (self.folder / _COPY_NAME).unlink(missing_ok=True)
        if not self._live.exists() or not self._live.stat().st_size:
            return
        old = [path for path in logs(self.folder) if path != self._live]
        if any(filecmp.cmp(self._live, path, shallow=False) for path in old):
            os.truncate(self._live, 0)

    def _save(self, register: Register) -> None:
        register.save(self.folder)
        self._register = register


def _resumed(register: Register, sequence: int, *, was_there: bool) -> int:
    """The last id used. Where the newest log was taken away, ids that may have been in it are passed over."""
    known = max(register.settled, sequence)
    return known if was_there or sequence > register.settled else max(known, register.reserved)


def _make_room(folder: Path, name: str) -> Path:
    """`name.1`, after the older ones have moved on to .2 and so forth."""
    first_free = 1
    while (folder / f"{name}.{first_free}").exists():
        first_free += 1
    for number in range(first_free, 1, -1):
        (folder / f"{name}.{number - 1}").rename(folder / f"{name}.{number}")
    return folder / f"{name}.1"
