"""The agent's follower over a folder of logs, without its process."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from firehose.agent.checkpoint import Checkpoint
from firehose.agent.config import FIREHOSE, START_OF_FILE, Flow
from firehose.agent.files import Follower


@dataclass
class Desk:
    """A follower over a folder; `restart` is what a new process sees."""

    root: Path
    warnings: list[str] = field(default_factory=list)
    flow: Flow = field(init=False)

    def __post_init__(self) -> None:
        self.logs.mkdir(exist_ok=True)
        self.flow = Flow(self.logs, "orders.log*", FIREHOSE, "orders", initial_position=START_OF_FILE)

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def log(self) -> Path:
        return self.logs / "orders.log"

    def write(self, content: bytes, path: Path | None = None) -> None:
        with (path or self.log).open("ab") as file:
            file.write(content)

    def start(self) -> None:
        self.checkpoint = Checkpoint(self.root / "checkpoint")
        self.follower = Follower(self.flow, self.checkpoint, self.warnings.append)
        self.follower.begin()

    def read(self, limit: int = 1 << 20) -> bytes:
        """All there is to read now, acknowledged and committed as it is read."""
        self.follower.scan()
        found = b""
        while lines := b"".join(self._some(limit)):
            found += lines
            self.follower.scan()
        self.checkpoint.store(generation.position() for generation in self.follower.generations)
        return found

    def _some(self, limit: int) -> Iterator[bytes]:
        for generation in list(self.follower.generations):
            yield self.follower.read(generation, limit)
            generation.acknowledged = generation.read

    def stop(self) -> None:
        self.follower.close()
        self.checkpoint.close()

    def restart(self) -> None:
        self.stop()
        self.start()
