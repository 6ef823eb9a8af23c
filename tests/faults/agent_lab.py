"""A shop's log, the agent as a process of its own, and a delivery endpoint on which things go wrong."""

import json
import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from firehose.delivery.embedded import Embedded, endpoint

STREAM = "orders"
DEADLINE_SECONDS = 60
BUDGET_MIB = 1
BATCH_BYTES = 6_000


@dataclass
class Shop:
    """Writes numbered lines, and rotates as told, from a thread of its own."""

    directory: Path
    written: list[bytes] = field(default_factory=list)
    sequence: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def log(self) -> Path:
        return self.directory / "orders.log"

    def write(self, lines: int) -> None:
        made = [self._line() for _ in range(lines)]
        with self.log.open("ab") as file:
            file.write(b"".join(made))
        self.written += made

    def rename(self) -> None:
        """The newest old file is .1, as with logrotate."""
        self._move_up()
        self.log.rename(self.directory / "orders.log.1")

    def copytruncate(self) -> None:
        self._move_up()
        shutil.copyfile(self.log, self.directory / "orders.log.1")
        os.truncate(self.log, 0)

    def keep_writing(self, rotate: Callable[[], None], every: int, lines: int = 40) -> threading.Thread:
        def work() -> None:
            turn = 0
            while not self.stopping.is_set():
                self.write(lines)
                turn += 1
                if turn % every == 0:
                    rotate()
                self.stopping.wait(0.004)

        thread = threading.Thread(target=work)
        thread.start()
        return thread

    def _move_up(self) -> None:
        numbers = sorted(int(path.suffix[1:]) for path in self.directory.glob("orders.log.*"))
        for number in reversed(numbers):
            (self.directory / f"orders.log.{number}").rename(self.directory / f"orders.log.{number + 1}")

    def _line(self) -> bytes:
        self.sequence += 1
        return b'536365,85123A,"HOLDER, WHITE",6,2026-11-20T08:26:00Z,2.55,17850,UK,web1-%d\n' % self.sequence


@dataclass
class Lab:
    shop: Shop
    firehose: Embedded
    config: Path
    checkpoint: Path

    def start(
        self, *arguments: str, limit_bytes: int = 0, stderr: int = subprocess.PIPE
    ) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "firehose.agent", "-c", str(self.config), *arguments]
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "AWS_ENDPOINT_URL_FIREHOSE": self.firehose.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        return subprocess.Popen(
            [*command, "--memory-mib", str(BUDGET_MIB)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            preexec_fn=(lambda: _limit_file_size(limit_bytes)) if limit_bytes else None,  # noqa: PLW1509 (the child does nothing else)
        )

    def finish(self, *arguments: str) -> str:
        """Run until idle; its closing line."""
        process = self.start("--until-idle", *arguments)
        out, err = process.communicate(timeout=DEADLINE_SECONDS)
        assert process.returncode == 0, err
        return out

    def landed(self) -> Counter[bytes]:
        return self.firehose.lines(STREAM)

    def landed_bytes(self) -> int:
        return sum(segment.payload_bytes for segment in self.firehose.streams.get(STREAM).spool.segments())

    def doubles(self) -> int:
        return sum(count - 1 for count in self.landed().values())

    def assert_nothing_lost(self) -> None:
        landed = self.landed()
        missing = [line for line in self.shop.written if line.rstrip(b"\n") not in landed]
        assert not missing, f"{len(missing)} of {len(self.shop.written)} lost, first {missing[:3]}"
        assert set(landed) == {line.rstrip(b"\n") for line in self.shop.written}

    def wait_for(self, what: Callable[[], bool], why: str) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not what():
            assert time.monotonic() < deadline, why
            time.sleep(0.02)


def _limit_file_size(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@contextmanager
def opened(folder: Path) -> Iterator[Lab]:
    """A lab in this folder, where nothing is written and nothing runs yet but the endpoint."""
    logs = folder / "logs"
    logs.mkdir()
    checkpoint = folder / "agent" / "checkpoints"
    config = folder / "agent.json"
    flow = {
        "filePattern": str(logs / "orders.log*"),
        "deliveryStream": STREAM,
        "initialPosition": "START_OF_FILE",
        "aggregatedRecordSizeBytes": 1000,
        "maxBufferSizeBytes": BATCH_BYTES,
        "maxBufferAgeMillis": 1000,
        "retryInitialBackoffMillis": 5,
        "retryMaxBackoffMillis": 50,
    }
    config.write_text(
        json.dumps(
            {
                "cloudwatch.emitMetrics": False,
                "checkpointFile": str(checkpoint),
                "socketTimeoutMillis": 150,
                "shutdownTimeoutMillis": 1000,
                "flows": [flow],
            }
        )
    )
    with endpoint(folder / "delivery") as firehose:
        firehose.make(STREAM)
        yield Lab(Shop(logs), firehose, config, checkpoint)
