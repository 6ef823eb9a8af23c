"""How far each file is acknowledged, durably.

What is committed here is never shipped again; what is not is shipped again after a kill.
"""

import fcntl
import sqlite3
import threading
import time
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from firehose.durable import sync_directory

_APPLICATION = 0x43444241  # SQLite's application_id: this file is ours
_VERSION = 1
_SCHEMA = f"""
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_VERSION};
CREATE TABLE flows (flow TEXT PRIMARY KEY, begun REAL NOT NULL);
CREATE TABLE generations (
    generation INTEGER PRIMARY KEY AUTOINCREMENT,
    flow TEXT NOT NULL REFERENCES flows,
    path TEXT NOT NULL,
    device INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    head_bytes INTEGER NOT NULL,
    head_sha256 TEXT NOT NULL,
    acknowledged INTEGER NOT NULL,
    seen_bytes INTEGER NOT NULL,
    updated REAL NOT NULL
);
"""


class CheckpointError(RuntimeError):
    """The checkpoint cannot be read or written: the agent stops, for without it lines get lost or doubled."""


@dataclass(frozen=True, slots=True)
class Position:
    """One generation of a file: where its bytes are, how they begin, how far they are acknowledged."""

    generation: int  # 0 until it is stored
    path: str
    device: int
    inode: int
    head_bytes: int
    head_sha256: str
    acknowledged: int
    seen_bytes: int


class Checkpoint:
    """A SQLite file, synced at each commit. One process at a time, by a lock file beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._claim: IO[bytes] = _claim(path)
        try:
            if not path.exists():
                _create(path)
            self._database = _connect(path)
        except (sqlite3.Error, CheckpointError, OSError) as error:
            self._claim.close()
            raise CheckpointError(
                f"the checkpoint {path} cannot be used: {error}. Nothing was shipped. Restore the file, or "
                "move it away and set initialPosition to START_OF_FILE to ship every file again "
                "(doubles are dropped by their event ids)"
            ) from error

    def close(self) -> None:
        with self._lock:
            self._database.close()
            self._claim.close()

    def begun(self, flow: str) -> bool:
        with self._lock:
            return bool(self._database.execute("SELECT 1 FROM flows WHERE flow = ?", (flow,)).fetchone())

    def begin(self, flow: str, positions: Iterable[Position]) -> None:
        """The flow's first start: all of this or none."""
        with self._lock, self._commit():
            self._database.execute("INSERT INTO flows VALUES (?, ?)", (flow, time.time()))
            for position in positions:
                self._insert(flow, position)

    def positions(self, flow: str) -> list[Position]:
        with self._lock:
            rows = self._database.execute(
                "SELECT generation, path, device, inode, head_bytes, head_sha256, acknowledged, seen_bytes "
                "FROM generations WHERE flow = ? ORDER BY generation",
                (flow,),
            )
            return [Position(*row) for row in rows]

    def add(self, flow: str, position: Position) -> int:
        """The new generation's number."""
        with self._lock, self._commit():
            return self._insert(flow, position)

    def store(self, positions: Iterable[Position]) -> None:
        """All of them or none, durable on return."""
        now = time.time()
        with self._lock, self._commit():
            self._database.executemany(
                "UPDATE generations SET path = ?, device = ?, inode = ?, head_bytes = ?, head_sha256 = ?, "
                "acknowledged = ?, seen_bytes = ?, updated = ? WHERE generation = ?",
                [(*_values(position), now, position.generation) for position in positions],
            )

    def forget(self, generation: int) -> None:
        with self._lock, self._commit():
            self._database.execute("DELETE FROM generations WHERE generation = ?", (generation,))

    def purge(self, flow: str, present: Container[int], days: int) -> None:
        """Forget generations whose content was nowhere to be found for so long."""
        old = self._database.execute(
            "SELECT generation FROM generations WHERE flow = ? AND updated < ?",
            (flow, time.time() - days * 86_400),
        ).fetchall()
        gone = [row for row in old if row[0] not in present]
        if gone:
            with self._lock, self._commit():
                self._database.executemany("DELETE FROM generations WHERE generation = ?", gone)

    def _insert(self, flow: str, position: Position) -> int:
        cursor = self._database.execute(
            "INSERT INTO generations (flow, path, device, inode, head_bytes, head_sha256, acknowledged, "
            "seen_bytes, updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (flow, *_values(position), time.time()),
        )
        return int(cursor.lastrowid or 0)

    @contextmanager
    def _commit(self) -> Iterator[None]:
        try:
            self._database.execute("BEGIN IMMEDIATE")
            yield
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):
                self._database.execute("ROLLBACK")
            raise CheckpointError(
                f"the checkpoint {self.path} cannot be written: {error}. Nothing that it does not hold was "
                "given up: make room on the disk and start the agent again"
            ) from error


def _values(position: Position) -> tuple[str | int, ...]:
    return (
        position.path,
        position.device,
        position.inode,
        position.head_bytes,
        position.head_sha256,
        position.acknowledged,
        position.seen_bytes,
    )


def _claim(path: Path) -> IO[bytes]:
    claim = path.with_name(path.name + ".lock").open("wb")
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        claim.close()
        raise CheckpointError(
            f"another agent works with {path}: stop it, or give this one a checkpointFile of its own"
        ) from error
    return claim


def _create(path: Path) -> None:
    """Under another name first: a file of this name is always whole."""
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.unlink(missing_ok=True)
    database = sqlite3.connect(unfinished, isolation_level=None)
    try:
        database.execute("PRAGMA synchronous = FULL")
        database.executescript(_SCHEMA)
    finally:
        database.close()
    unfinished.chmod(0o600)
    unfinished.replace(path)
    sync_directory(path.parent)


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        _verify(database)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")  # a commit is on the disk when it returns
    except (sqlite3.Error, CheckpointError):
        database.close()
        raise
    return database


def _verify(database: sqlite3.Connection) -> None:
    application = database.execute("PRAGMA application_id").fetchone()[0]
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if (application, version) != (_APPLICATION, _VERSION):
        raise CheckpointError(f"it is not a checkpoint of this agent (id {application}, version {version})")
    checked = database.execute("PRAGMA quick_check").fetchone()[0]
    if checked != "ok":
        raise CheckpointError(f"SQLite finds it damaged: {checked}")
