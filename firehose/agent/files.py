"""Finds a flow's files and reads their lines, through renames, copies, truncation and inodes used again."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from firehose.agent.checkpoint import Checkpoint, Position
from firehose.agent.config import END_OF_FILE, Flow
from firehose.agent.folder import Files, Folder
from firehose.agent.generation import (
    HEAD_BYTES,
    SEARCH_BYTES,
    Generation,
    head_of,
    home_of,
    is_copy,
    position_at_end,
    sha256,
    signature_of,
)

CLOSE_IDLE_SECONDS = 30.0  # a rotated file's writer has let go of it by then


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

    @property
    def _folder(self) -> Folder:
        return Folder(self.flow.directory, self.flow.name_pattern)

    def begin(self) -> None:
        """Take up what the checkpoint knows; at the very first start, what initialPosition says."""
        flow = self.flow.identity
        if not self.checkpoint.begun(flow):
            at_end = self._folder.matching() if self.flow.initial_position == END_OF_FILE else []
            self.checkpoint.begin(flow, [position_at_end(path, status) for path, status in at_end])
        files = self._folder.all()
        for position in self.checkpoint.positions(flow):
            self._restore(position, files)
        self.checkpoint.purge(flow, {generation.number for generation in self.generations}, self.keep_days)
        self.scan()

    def scan(self) -> None:
        """Look at every file once."""
        found = {home_of(status): (path, status) for path, status in self._folder.matching()}
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
        while data := os.pread(generation.descriptor, SEARCH_BYTES, position):
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
        for line in os.pread(generation.descriptor, SEARCH_BYTES, 0).split(b"\n", lines)[:-1]:
            end += len(line) + 1
            lines -= 1
        return None if lines else end

    def pieces(self, generation: Generation, start: int, end: int) -> Iterator[bytes]:
        while start < end:
            piece = os.pread(generation.descriptor, min(SEARCH_BYTES, end - start), start)
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
        if position.head_bytes:
            self._find(generation, files, "is gone")
            return
        at_home = [entry for entry in files if home_of(entry[1]) == generation.home]
        if at_home:  # nothing was acknowledged: whatever is in it now is read from its start
            self._settle(generation, *at_home[0])
        else:
            self.checkpoint.forget(position.generation)

    def _find(self, generation: Generation, files: Files, otherwise: str) -> None:
        """Settle it where its content is: whole rather than not, at home rather than in a copy."""

        def merit(entry: tuple[Path, os.stat_result]) -> tuple[bool, bool, int]:
            size = entry[1].st_size
            return size >= generation.read, home_of(entry[1]) == generation.home, size

        for path, status in sorted(files, key=merit, reverse=True):
            if generation.begins(path):
                self._settle(generation, path, status)
                return
        self._give_up(generation, otherwise)

    def _settle(self, generation: Generation, path: Path, status: os.stat_result) -> None:
        """Its content is found in this file."""
        if generation.known and not generation.head:
            generation.head = head_of(path, generation.known.head_bytes)
        if generation.home != home_of(status) or generation.path != path:
            self.moved.add(generation)
        generation.home, generation.path, generation.size = home_of(status), path, status.st_size
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
            signature = signature_of(status)
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
        if home_of(status) != generation.home:
            os.close(descriptor)
            return False
        generation.descriptor = descriptor
        generation.touched = time.monotonic()
        return True

    def _displaced(self, generation: Generation) -> None:
        """Its home holds something else now, or is gone: it may live on in a copy, of whatever name."""
        generation.close()
        files = self._folder.all()
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
        if generation.head or (generation.known and generation.known.head_bytes):
            self.absent.append(generation)
        else:
            self.checkpoint.forget(generation.number)
        if generation in self.generations:
            self.generations.remove(generation)

    def _meet(self, path: Path, status: os.stat_result) -> None:
        """A file that is no generation's home: a copy of one that is still there, one come back, or new."""
        signature = signature_of(status)
        if self._copies.get(home_of(status)) == signature:
            return
        for generation in self.generations:
            if generation.begins(path):
                if not self._open(generation) or not generation.intact():
                    return  # a rotation is under way: the next scan knows more
                if is_copy(path, status.st_size, generation.descriptor):
                    if generation.replaced_by(status.st_size):
                        generation.close()
                        self._settle(generation, path, status)
                        return
                    self._copies[home_of(status)] = signature
                    return
        back = next((generation for generation in self.absent if generation.begins(path)), None)
        if back:
            self._settle(back, path, status)
            return
        position = Position(0, str(path), *home_of(status), 0, sha256(b""), 0, status.st_size)
        number = self.checkpoint.add(self.flow.identity, position)
        self.generations.append(Generation(number, path, home_of(status), size=status.st_size))
