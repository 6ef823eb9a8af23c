"""Lines a CPU-second that the agent ships, packed and one a record, and its memory while nothing is taken.

    python -m bench.agent [--lines 1000000]

The endpoint runs in this process and is not counted; the agent is a process of its own, its start included.
"""

import argparse
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
WANTED = 300_000  # packed
MEMORY_MIB = 32  # the agent's budget of lines; its code and boto3's copies of what is under way come on top
DEFAULT_LINES = 1_000_000
PACKINGS = {"packed, 1,000 KiB a record": 1_024_000, "packed, 5 KB a record": 5000, "one record a line": 0}
LARGEST = "packed, 1,000 KiB a record"
STALLED_SECONDS = "5"
WIDTH = 110  # also where the output goes into a file


@dataclass(frozen=True)
class Run:
    cpu_seconds: float
    wall_seconds: float
    peak_mib: float


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.agent", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--lines", type=int, default=DEFAULT_LINES, metavar="N", help="order lines (%(default)s)"
    )
    lines = parser.parse_args().lines
    table = Table("agent", "lines / CPU s", "x real agent", "CPU s", "peak memory", title=f"{lines:,} lines")
    rates = {}
    with tempfile.TemporaryDirectory() as folder, endpoint(Path(folder) / "delivery") as firehose:
        root = Path(folder)
        log_bytes = _write_log(root / "orders.log", lines)
        for number, (name, size) in enumerate(PACKINGS.items()):
            stream = f"orders-{number}"
            firehose.make(stream, BufferingHints={"SizeInMBs": 128, "IntervalInSeconds": 900})
            run = _ship(root, firehose, stream, size)
            assert _landed(firehose, stream) == lines
            rates[name] = lines / run.cpu_seconds
            _row(table, name, rates[name], run)
        firehose.faults.turn(Rates(throttle=1))
        firehose.make("stalled")
        stalled = _ship(root, firehose, "stalled", 1_024_000, "--give-up-seconds", STALLED_SECONDS)
        name = f"stalled, {log_bytes / 1e6:.0f} MB waiting, --memory-mib {MEMORY_MIB}"
        _row(table, name, 0, stalled)
    table.add_row("the Amazon Kinesis Agent, as measured", f"{REAL_AGENT:,}", "1.0", "", "")
    Console(width=WIDTH).print(table)
    print(f"packed {rates[LARGEST] / WANTED:.2f} x the {WANTED:,} lines / CPU s wanted")
    return 0 if rates[LARGEST] >= WANTED else 1


def _row(table: Table, name: str, rate: float, run: Run) -> None:
    said = (f"{rate:,.0f}", f"{rate / REAL_AGENT:.1f}") if rate else ("", "")
    table.add_row(name, *said, f"{run.cpu_seconds:.2f}", f"{run.peak_mib:.0f} MiB")


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
    command += ["--memory-mib", str(MEMORY_MIB)]
    before = os.times().elapsed
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0  # it is reaped
    wall = os.times().elapsed - before
    return Run(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)


if __name__ == "__main__":
    sys.exit(main())
