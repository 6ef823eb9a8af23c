"""A generation is content that only grows; an inode is merely where it lives.

A file that got shorter, or begins otherwise than it did, holds a new generation. The old one may live on in a
copy, as logrotate's copytruncate makes it.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from firehose.agent.checkpoint import Position

HEAD_BYTES = 4096  # by which content is known again; every order line differs from every other
SEARCH_BYTES = 1024 * 1024  # read at a time in search of a newline


@dataclass(eq=False)
class Generation:
    """One file's content, wherever it lives."""

    number: int
    path: Path
    home: tuple[int, int]  # device and inode
    head: bytes = b""  # its first bytes, as far as they are read
    read: int = 0  # up to here its lines are handed on
    acknowledged: int = 0  # up to here they are acknowledged, without a gap
    size: int = 0  # as last seen
    descriptor: int = -1
    signature: tuple[int, ...] = ()  # of the file when it was last found intact
    touched: float = 0.0
    searched: int = 0  # up to here there is no newline after `read`
    ended: bool = False  # no more of it can be read
    known: Position | None = None  # what the checkpoint said of it, before its head was read again

    def position(self) -> Position:
        return Position(
            self.number,
            str(self.path),
            *self.home,
            len(self.head),
            sha256(self.head),
            self.acknowledged,
            self.size,
        )

    @property
    def unread(self) -> int:
        return 0 if self.ended else max(0, self.size - self.read)

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def begins(self, path: Path) -> bool:
        """Whether the file begins as this content does."""
        if self.head or not self.known:
            begun = head_of(path, len(self.head))
            return bool(begun) and self.head.startswith(begun)  # a copy may be older, and shorter
        begun = head_of(path, self.known.head_bytes)
        return len(begun) == self.known.head_bytes > 0 and sha256(begun) == self.known.head_sha256

    def replaced_by(self, size: int) -> bool:
        """Whether a file of the same content and this size takes the place of the open one, now removed."""
        status = os.fstat(self.descriptor)
        return status.st_nlink == 0 and self.read == status.st_size == size

    def intact(self) -> bool:
        """Whether the open file still holds this content."""
        return self.descriptor >= 0 and (
            os.fstat(self.descriptor).st_size >= self.read
            and os.pread(self.descriptor, len(self.head), 0) == self.head
        )


def home_of(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def signature_of(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def head_of(path: Path, length: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(length)
    except OSError:
        return b""


def position_at_end(path: Path, status: os.stat_result) -> Position:
    """A file of which only what comes is shipped, from its last whole line on."""
    end = last_line_end(path, status.st_size)
    head = head_of(path, min(end, HEAD_BYTES))
    return Position(0, str(path), *home_of(status), len(head), sha256(head), end, status.st_size)


def is_copy(path: Path, size: int, descriptor: int) -> bool:
    """Whether the file is a copy of the open one, or the beginning of such a copy."""
    if os.fstat(descriptor).st_size < size:
        return False
    start = max(0, size - HEAD_BYTES)
    try:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(HEAD_BYTES) == os.pread(descriptor, size - start, start)
    except OSError:
        return False


def last_line_end(path: Path, size: int) -> int:
    """Where the last whole line ends: an unfinished one is shipped when it is finished."""
    with path.open("rb") as file:
        end = size
        while end:
            start = max(0, end - SEARCH_BYTES)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                return start + newline + 1
            end = start
    return 0
