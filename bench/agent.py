"""Lines a CPU-second that the agent ships, packed and one a record, and its memory while nothing is taken.

    python bench/agent.py [LINES]

The endpoint runs in this process and is not counted; the agent is a process of its own, its start included.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from firehose.delivery.embedded import Embedded, endpoint
from firehose.delivery.faults import Rates

REAL_AGENT = 114_000  # the Amazon Kinesis Agent, one record a line, on 2 cores, its start included
DEFAULT_LINES = 1_000_000
PACKINGS = {"packed, 1,000 KiB a record": 1_024_000, "packed, 5 KB a record": 5000, "one record a line": 0}
STALLED_SECONDS = "5"


@dataclass(frozen=True)
class Run:
    cpu_seconds: float
    wall_seconds: float
    peak_mib: float


def main() -> None:
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_LINES
    table = Table("agent", "lines / CPU s", "CPU s", "peak memory", title=f"{lines:,} order lines")
    with tempfile.TemporaryDirectory() as folder, endpoint(Path(folder) / "delivery") as firehose:
        root = Path(folder)
        log_bytes = _write_log(root / "orders.log", lines)
        for number, (name, size) in enumerate(PACKINGS.items()):
            stream = f"orders-{number}"
            firehose.make(stream, BufferingHints={"SizeInMBs": 128, "IntervalInSeconds": 900})
            run = _ship(root, firehose, stream, size)
            assert _landed(firehose, stream) == lines
            _row(table, name, f"{lines / run.cpu_seconds:,.0f}", run)
        firehose.faults.turn(Rates(throttle=1))
        firehose.make("stalled")
        stalled = _ship(root, firehose, "stalled", 1_024_000, "--give-up-seconds", STALLED_SECONDS)
        _row(table, f"stalled, {log_bytes / 1e6:.0f} MB waiting", "-", stalled)
    table.add_row("the Amazon Kinesis Agent", f"{REAL_AGENT:,}", "", "")
    Console().print(table)


def _row(table: Table, name: str, rate: str, run: Run) -> None:
    table.add_row(name, rate, f"{run.cpu_seconds:.2f}", f"{run.peak_mib:.0f} MiB")


def _landed(firehose: Embedded, stream: str) -> int:
    """Counted frame by frame: a child's peak memory begins with its parent's, so this process stays small."""
    segments = firehose.streams.get(stream).spool.segments()
    return sum(frame.payload.count(b"\n") for segment in segments for frame in segment.frames())


def _write_log(path: Path, lines: int) -> int:
    line = (
        '{0},85123A,"WHITE HANGING HEART T-LIGHT HOLDER, {1}",6,2026-11-20T08:26:00Z,2.55,{2},'
        "United Kingdom,bench-{3}\n"
    )
    with path.open("w") as file:
        for number in range(1, lines + 1):
            file.write(line.format(536365 + number // 20, number % 977, number % 4000, number))
    return path.stat().st_size


def _ship(root: Path, firehose: Embedded, stream: str, record_bytes: int, *arguments: str) -> Run:
    config = root / f"{stream}.json"
    flow = {
        "filePattern": str(root / "orders.log"),
        "deliveryStream": stream,
        "initialPosition": "START_OF_FILE",
        "aggregatedRecordSizeBytes": record_bytes,
    }
    settings = {
        "cloudwatch.emitMetrics": False,
        "checkpointFile": str(root / f"{stream}.checkpoint"),
        "flows": [flow],
    }
    config.write_text(json.dumps(settings))
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_ENDPOINT_URL_FIREHOSE": firehose.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    command = [sys.executable, "-m", "firehose.agent", "-c", str(config), "--until-idle", *arguments]
    before = os.times().elapsed
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0  # it is reaped
    wall = os.times().elapsed - before
    return Run(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)


if __name__ == "__main__":
    main()
