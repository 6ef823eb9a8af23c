"""The files of a flow, known by what is in them: renamed, copied and truncated, re-created, inode reused.

A generation is content that only grows; an inode is merely where it lives. A file that got shorter, or begins
otherwise than it did, holds a new generation; the old one may live on in a copy (logrotate's copytruncate).
"""

import fnmatch
import hashlib
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from firehose.agent.checkpoint import Checkpoint, Position
from firehose.agent.config import END_OF_FILE, Flow

HEAD_BYTES = 4096  # by which content is known again; every order line differs from every other
CLOSE_IDLE_SECONDS = 30.0  # a rotated file's writer has let go of it by then
COMPRESSED = (".gz", ".bz2", ".zip")  # the Amazon Kinesis Agent passes these over too
_SEARCH_BYTES = 1024 * 1024


Files = list[tuple[Path, os.stat_result]]


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
            _sha256(self.head),
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
            head = _head(path, len(self.head))
            return bool(head) and self.head.startswith(head)  # a copy may be older, and shorter
        head = _head(path, self.known.head_bytes)
        return len(head) == self.known.head_bytes > 0 and _sha256(head) == self.known.head_sha256

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


@dataclass
class Follower:
    """Finds a flow's files and reads their lines. One thread reads; `lock` guards what the committer sees."""

    flow: Flow
    checkpoint: Checkpoint
    warn: Callable[[str], None]
    generations: list[Generation] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    keep_days: int = 7
    absent: list[Generation] = field(default_factory=list)  # their content is nowhere at present
    moved: set[Generation] = field(default_factory=set)  # to be committed though nothing was acknowledged
    _copies: dict[tuple[int, int], tuple[int, ...]] = field(default_factory=dict)

    def begin(self) -> None:
        """Take up what the checkpoint knows; at the very first start, what initialPosition says."""
        flow = self.flow.identity
        if not self.checkpoint.begun(flow):
            at_end = self._matching() if self.flow.initial_position == END_OF_FILE else []
            self.checkpoint.begin(flow, [_at_end(path, status) for path, status in at_end])
        files = self._listed(lambda _name: True)
        for position in self.checkpoint.positions(flow):
            self._restore(position, files)
        self.checkpoint.purge(flow, {generation.number for generation in self.generations}, self.keep_days)
        self.scan()

    def scan(self) -> None:
        """Look at every file once."""
        found = {_home(status): (path, status) for path, status in self._matching()}
        with self.lock:
            for generation in list(self.generations):
                self._look_at(generation, found.get(generation.home))
            homes = {generation.home for generation in self.generations}
            for home, (path, status) in found.items():
                if home not in homes and status.st_size:
                    self._meet(path, status)

    def read(self, generation: Generation, limit: int) -> bytes:
        """Whole lines after what was read, at most `limit` bytes; empty where there is none yet."""
        if generation.ended or not generation.unread or not self._open(generation):
            return b""
        with self.lock:
            data = os.pread(generation.descriptor, limit, generation.read)
            generation.touched = time.monotonic()
            if not generation.intact():  # after the read: so the bytes are of this content
                return b""
            end = data.rfind(b"\n") + 1
            if len(generation.head) == generation.read < HEAD_BYTES:
                generation.head += data[: min(end, HEAD_BYTES - generation.read)]
            generation.read += end
            return data[:end]

    def find_line_end(self, generation: Generation) -> int | None:
        """Where the line after `read` ends, however long it is; None while it is unfinished."""
        position = max(generation.searched, generation.read)
        if not self._open(generation):
            return None
        while data := os.pread(generation.descriptor, _SEARCH_BYTES, position):
            newline = data.find(b"\n")
            if newline >= 0:
                return position + newline + 1
            position += len(data)
        generation.searched = position
        return None

    def header_end(self, generation: Generation, lines: int) -> int | None:
        """Where the first `lines` lines of the file end; None while they are not all there."""
        if not self._open(generation):
            return None
        end = 0
        for line in os.pread(generation.descriptor, _SEARCH_BYTES, 0).split(b"\n", lines)[:-1]:
            end += len(line) + 1
            lines -= 1
        return None if lines else end

    def pieces(self, generation: Generation, start: int, end: int) -> Iterator[bytes]:
        while start < end:
            piece = os.pread(generation.descriptor, min(_SEARCH_BYTES, end - start), start)
            start += len(piece)
            yield piece

    def pass_over(self, generation: Generation, end: int) -> None:
        with self.lock:
            if len(generation.head) == generation.read < HEAD_BYTES:
                length = min(end, HEAD_BYTES)
                generation.head = os.pread(generation.descriptor, length, 0)
            generation.read = end

    def close(self) -> None:
        for generation in self.generations:
            generation.close()

    def _matching(self) -> Files:
        """The oldest first."""
        return self._listed(lambda name: fnmatch.fnmatchcase(name, self.flow.name_pattern))

    def _listed(self, wanted: Callable[[str], bool]) -> Files:
        found = []
        try:
            names = os.listdir(self.flow.directory)  # noqa: PTH208 (names are matched before paths are made)
        except FileNotFoundError:
            return []  # the shop has not written yet
        for name in names:
            if wanted(name) and not name.lower().endswith(COMPRESSED):
                path = self.flow.directory / name
                try:
                    status = path.stat()
                except FileNotFoundError:
                    continue  # renamed in this moment: the next scan finds it
                if stat.S_ISREG(status.st_mode):
                    found.append((path, status))
        return sorted(found, key=lambda entry: (entry[1].st_mtime_ns, entry[0].name))

    def _restore(self, position: Position, files: Files) -> None:
        """The generation at its home; else wherever a file begins as it did; else absent until one does."""
        generation = Generation(
            position.generation,
            Path(position.path),
            (position.device, position.inode),
            read=position.acknowledged,
            acknowledged=position.acknowledged,
            size=position.seen_bytes,
            known=position,
        )
        self._find(generation, files, "is gone")

    def _find(self, generation: Generation, files: Files, otherwise: str) -> None:
        """Settle it where its content is: whole rather than not, at home rather than in a copy."""

        def merit(entry: tuple[Path, os.stat_result]) -> tuple[bool, bool, int]:
            size = entry[1].st_size
            return size >= generation.read, _home(entry[1]) == generation.home, size

        for path, status in sorted(files, key=merit, reverse=True):
            if generation.begins(path):
                self._settle(generation, path, status)
                return
        self._give_up(generation, otherwise)

    def _settle(self, generation: Generation, path: Path, status: os.stat_result) -> None:
        """Its content is found in this file."""
        if generation.known and not generation.head:
            generation.head = _head(path, generation.known.head_bytes)
        if generation.home != _home(status) or generation.path != path:
            self.moved.add(generation)
        generation.home, generation.path, generation.size = _home(status), path, status.st_size
        generation.signature = ()
        generation.ended = status.st_size < generation.read  # a copy made before the last lines were read
        if generation in self.absent:
            self.absent.remove(generation)
        if generation not in self.generations:
            self.generations.append(generation)

    def _look_at(self, generation: Generation, entry: tuple[Path, os.stat_result] | None) -> None:
        if generation.ended:
            if not entry:
                self._give_up(generation, "is gone")
            elif entry[1].st_size != generation.size:
                self._diverged(generation)
            return
        if entry:
            path, status = entry
            signature = _signature(status)
            if generation.path != path:
                generation.path = path
                self.moved.add(generation)
            if generation.descriptor < 0 and signature == generation.signature:
                return
            generation.signature = signature
        if not self._open(generation) or not generation.intact():
            self._displaced(generation)
            return
        size = os.fstat(generation.descriptor).st_size
        if size != generation.size:
            generation.size, generation.touched = size, time.monotonic()
        idle = time.monotonic() - generation.touched > CLOSE_IDLE_SECONDS
        if idle and generation.acknowledged == generation.read:
            generation.close()

    def _open(self, generation: Generation) -> bool:
        if generation.descriptor >= 0:
            return True
        try:
            descriptor = os.open(generation.path, os.O_RDONLY)
        except FileNotFoundError:
            return False
        status = os.fstat(descriptor)
        if _home(status) != generation.home:
            os.close(descriptor)
            return False
        generation.descriptor = descriptor
        generation.touched = time.monotonic()
        return True

    def _displaced(self, generation: Generation) -> None:
        """Its home holds something else now, or is gone: it may live on in a copy, of whatever name."""
        generation.close()
        files = self._listed(lambda _name: True)
        self._find(generation, files, "was truncated, replaced or removed, and no copy of it was found")

    def _diverged(self, generation: Generation) -> None:
        """It was rolled back behind what is read, and now goes on otherwise: all of it counts as new."""
        generation.close()
        self.generations.remove(generation)
        self.checkpoint.forget(generation.number)

    def _give_up(self, generation: Generation, what: str) -> None:
        """Should its content turn up again, it goes on from where it was."""
        if generation.unread:
            self.warn(
                f"{generation.path} {what}: {generation.unread} bytes after byte {generation.read} were "
                "not read"
            )
        generation.close()
        generation.ended = True
        self.absent.append(generation)
        if generation in self.generations:
            self.generations.remove(generation)

    def _meet(self, path: Path, status: os.stat_result) -> None:
        """A file that is no generation's home: a copy of one that is still there, one come back, or new."""
        signature = _signature(status)
        if self._copies.get(_home(status)) == signature:
            return
        for generation in self.generations:
            if generation.begins(path):
                if not self._open(generation) or not generation.intact():
                    return  # a rotation is under way: the next scan knows more
                if _is_copy(path, status.st_size, generation.descriptor):
                    if generation.replaced_by(status.st_size):
                        generation.close()
                        self._settle(generation, path, status)
                        return
                    self._copies[_home(status)] = signature
                    return
        back = next((generation for generation in self.absent if generation.begins(path)), None)
        if back:
            self._settle(back, path, status)
            return
        position = Position(0, str(path), *_home(status), 0, _sha256(b""), 0, status.st_size)
        number = self.checkpoint.add(self.flow.identity, position)
        self.generations.append(Generation(number, path, _home(status), size=status.st_size))


def _home(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _signature(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _head(path: Path, length: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(length)
    except OSError:
        return b""


def _at_end(path: Path, status: os.stat_result) -> Position:
    """A file of which only what comes is shipped, from its last whole line on."""
    end = _last_line_end(path, status.st_size)
    head = _head(path, min(end, HEAD_BYTES))
    return Position(0, str(path), *_home(status), len(head), _sha256(head), end, status.st_size)


def _is_copy(path: Path, size: int, descriptor: int) -> bool:
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


def _last_line_end(path: Path, size: int) -> int:
    """Where the last whole line ends: an unfinished one is shipped when it is finished."""
    with path.open("rb") as file:
        end = size
        while end:
            start = max(0, end - _SEARCH_BYTES)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                return start + newline + 1
            end = start
    return 0
