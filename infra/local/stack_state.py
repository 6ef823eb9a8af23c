"""What the data folder says of the local AWS: who runs, at which ports, how a child died, what is lost.

The supervisor writes it while it lives, `stack` reads it and writes it when nobody else does.
"""

import json
import os
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from infra.local.emr_records import replace_durably
from infra.local.processes import Identity

MINISTACK, FIREHOSE, EMR = "ministack", "firehose", "emr"
CHILDREN = (MINISTACK, FIREHOSE, EMR)


class Phase(StrEnum):
    STARTING = "starting"
    RUNNING = "running"  # all of it, but for children that have died
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"  # to start; the message says why


@dataclass(frozen=True)
class Child:
    program: Identity
    session: Identity  # of all that it started
    died: str = ""  # how; empty while it lives
    died_at: str = ""


@dataclass(frozen=True)
class State:
    phase: Phase = Phase.STOPPED
    message: str = ""
    supervisor: Identity | None = None
    ports: dict[str, int] = field(default_factory=dict)
    children: dict[str, Child] = field(default_factory=dict)
    restarts: int = 0  # how often dead children were started again; the message says how the last one failed

    @property
    def supervised(self) -> bool:
        return self.supervisor is not None and self.supervisor.alive()

    def dead(self) -> dict[str, Child]:
        return {name: child for name, child in self.children.items() if child.died}

    def with_child(self, name: str, child: Child) -> "State":
        return replace(self, children={**self.children, name: child})


@dataclass(frozen=True)
class Folder:
    """The layout of the data folder."""

    data: Path

    @property
    def local(self) -> Path:
        return self.data / "local"

    @property
    def ministack(self) -> Path:
        return self.data / "ministack"

    @property
    def emr(self) -> Path:
        return self.data / "emr"

    @property
    def firehose(self) -> Path:
        return self.data / "firehose"

    def log(self, name: str) -> Path:
        return self.local / "logs" / f"{name}.log"

    @property
    def unclean(self) -> Path:
        """There from before ministack starts until it has stopped in order: else what it saved is stale."""
        return self.local / "ministack-has-unsaved-state"

    @property
    def rebuild_needed(self) -> Path:
        """There from before the stale state is wiped until all that is not S3 has been rebuilt from S3."""
        return self.local / "rebuild-needed"

    def read(self) -> State:
        try:
            plain = json.loads(self._state.read_text())
        except FileNotFoundError:
            return State()
        return _state(plain)

    def write(self, state: State) -> None:
        self._state.parent.mkdir(parents=True, exist_ok=True)
        replace_durably(self._state, json.dumps(asdict(state), indent=1))

    @property
    def _state(self) -> Path:
        return self.local / "state.json"


def mark(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_durably(path, "")


def unmark(path: Path) -> None:
    path.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _state(plain: dict[str, Any]) -> State:
    children = {
        name: Child(**child | {key: Identity(**child[key]) for key in ("program", "session")})
        for name, child in plain["children"].items()
    }
    supervisor = Identity(**plain["supervisor"]) if plain["supervisor"] else None
    return State(
        Phase(plain["phase"]), plain["message"], supervisor, plain["ports"], children, plain["restarts"]
    )
