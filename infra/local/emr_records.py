"""What the local EMR remembers of clusters and steps, durably: one file a cluster, replaced as a whole."""

import json
import os
import secrets
import string
import time
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

_ID_LETTERS = string.ascii_uppercase + string.digits
_ID_LENGTH = 13
REMEMBERED_SECONDS = 62 * 24 * 3600  # EMR forgets a terminated cluster after two months


class ClusterState(StrEnum):
    STARTING = "STARTING"
    BOOTSTRAPPING = "BOOTSTRAPPING"
    RUNNING = "RUNNING"
    WAITING = "WAITING"
    TERMINATING = "TERMINATING"
    TERMINATED = "TERMINATED"
    TERMINATED_WITH_ERRORS = "TERMINATED_WITH_ERRORS"

    @property
    def over(self) -> bool:
        return self in {ClusterState.TERMINATED, ClusterState.TERMINATED_WITH_ERRORS}


class StepState(StrEnum):
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"

    @property
    def over(self) -> bool:
        return self not in {StepState.PENDING, StepState.RUNNING}


class OnFailure(StrEnum):
    TERMINATE_JOB_FLOW = "TERMINATE_JOB_FLOW"  # the older name of the next
    TERMINATE_CLUSTER = "TERMINATE_CLUSTER"
    CANCEL_AND_WAIT = "CANCEL_AND_WAIT"
    CONTINUE = "CONTINUE"


@dataclass
class Step:
    id: str
    name: str
    on_failure: OnFailure
    jar: str
    arguments: list[str]
    properties: dict[str, str]
    created: float
    state: StepState = StepState.PENDING
    reason: str = ""
    failure: dict[str, str] | None = None  # Reason, Message, LogFile
    started: float | None = None
    ended: float | None = None
    process: dict[str, Any] | None = None  # the session that runs it, to be killed if we are


@dataclass
class Cluster:
    id: str
    request: dict[str, Any]  # RunJobFlow's, without its steps
    created: float
    state: ClusterState = ClusterState.STARTING
    reason_code: str = ""
    reason: str = ""
    ready: float | None = None
    ended: float | None = None
    steps: list[Step] = field(default_factory=list)
    unsent: list[dict[str, str]] = field(default_factory=list)  # events that the bus has not taken yet

    @property
    def name(self) -> str:
        return str(self.request["Name"])

    @property
    def stays(self) -> bool:
        """Whether it waits for more steps when it has none."""
        return bool(self.request["Instances"].get("KeepJobFlowAliveWhenNoSteps"))

    def next_step(self) -> Step | None:
        return next((step for step in self.steps if step.state is StepState.PENDING), None)


def new_id(prefix: str) -> str:
    return prefix + "".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_LENGTH))


class Records:
    """The folder of cluster files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def load(self) -> list[Cluster]:
        """Every cluster, oldest first; one that is over for two months is forgotten."""
        clusters = [self._read(path) for path in self._folder.glob("j-*.json")]
        for cluster in clusters:
            if cluster.ended and cluster.ended < time.time() - REMEMBERED_SECONDS:
                self._path(cluster).unlink()
        return sorted((c for c in clusters if self._path(c).exists()), key=lambda cluster: cluster.created)

    def save(self, cluster: Cluster) -> None:
        replace_durably(self._path(cluster), json.dumps(asdict(cluster), indent=1))

    def _path(self, cluster: Cluster) -> Path:
        return self._folder / f"{cluster.id}.json"

    @staticmethod
    def _read(path: Path) -> Cluster:
        plain = json.loads(path.read_text())
        steps = [
            Step(**step | {"state": StepState(step["state"]), "on_failure": OnFailure(step["on_failure"])})
            for step in plain.pop("steps")
        ]
        return Cluster(**plain | {"state": ClusterState(plain["state"]), "steps": steps})


def replace_durably(path: Path, text: str) -> None:
    """Old or new after a kill at any point, never half."""
    temporary = path.with_suffix(".tmp")
    with temporary.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
