"""How fast landed lines become committed rows: `python -m bench.ingest [LINES]`.

On a local AWS and a Spark of its own: an hour's 10,000 first, which is what starting costs; LINES order
lines of one day as gz objects, beside the floor of the same objects; as many of another shop on top of them;
an hour on top of all; and the lake read anew from its objects. `--full` does so with 1, 5 and 20 million and
shows how it grows. Exits 1 where LINES come slower than the 200,000 a second wanted of 2 cores.
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
from pyspark.sql import SparkSession

from bench.ingest_floor import floor, parse
from bench.local_lake import BUCKET, local_aws, session
from bench.order_objects import packed, put, shop_log
from bench.usage import measured
from emr_jobs.lake.hours import ingest

WANTED_LINES_PER_S = 200_000
PARSED_LINES = 200_000  # a few seconds of the contract's parser
HOURLY_LINES = 10_000
FULL_LINES = (1_000_000, 5_000_000, 20_000_000)


@dataclass(frozen=True, slots=True)
class Step:
    """One run of ingest, or its floor."""

    what: str
    stored: int  # lines that were in the lake before
    lines: int
    wall_s: float
    cpu_s: float
    peak_bytes: int

    def __str__(self) -> str:
        return (
            f"{self.what:<12}{self.stored:>12,}{self.lines:>12,}{self.wall_s:>9.1f}{self.cpu_s:>9.1f}"
            f"{self.peak_bytes / 2**30:>7.2f}{self.lines / self.wall_s:>11,.0f}"
        )


HEAD = f"{'':<12}{'in the lake':>12}{'lines':>12}{'s':>9}{'CPU s':>9}{'GiB':>7}{'lines/s':>11}"


def main() -> int:
    options = _options()
    if options.full:
        return full()
    steps = measure(options.lines, options.hours)
    if options.json:
        options.json.write_text(json.dumps([asdict(step) for step in steps]))
    return report(steps)


def measure(count: int, hours: int) -> list[Step]:
    """Every figure of a lake of twice so many lines."""
    with tempfile.TemporaryDirectory(prefix="cadabra-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        log = shop_log(folder / "one", count, hours)
        with log.open("rb") as lines:
            parse(list(itertools.islice(lines, PARSED_LINES)))
        objects = packed(log)
        used = floor(objects)
        print(HEAD, flush=True)
        steps = [shown(Step("floor", 0, count, **asdict(used)))]
        stack.enter_context(local_aws(folder))
        spark = stack.enter_context(session())
        stored = 0
        for what, shop, lines, span in (
            ("cold hour", "early", HOURLY_LINES, 1),
            ("ingest", "", count, hours),
            ("again", "two", count, hours),
            ("an hour", "late", HOURLY_LINES, 1),
        ):
            put(packed(shop_log(folder / shop, lines, span)) if shop else objects)
            steps.append(timed(spark, what, stored, lines))
            stored += lines
        return [*steps, timed(spark, "all anew", 0, stored, anew=True)]


def report(steps: Sequence[Step]) -> int:
    """The ratios; 1 where ingest misses its budget."""
    least, _, first, again, hour, anew = steps
    met = first.lines / first.wall_s / WANTED_LINES_PER_S
    print(f"ingest: {met:.2f} x the {WANTED_LINES_PER_S:,} lines/s wanted")
    print(f"ingest: {first.wall_s / least.wall_s:.1f} x the floor, {first.cpu_s / least.cpu_s:.1f} x its CPU")
    print(
        f"again, on top of as many: {again.wall_s / first.wall_s:.2f} x the first time, "
        f"{again.cpu_s / first.cpu_s:.2f} x its CPU"
    )
    print(f"an hour: 1/{anew.wall_s / hour.wall_s:.0f} of reading everything anew")
    return 0 if met >= 1 else 1


def full() -> int:
    """Each size in a process of its own, then all of them in one table."""
    found: list[Step] = []
    with tempfile.TemporaryDirectory(prefix="cadabra-bench-") as folder:
        for count in FULL_LINES:
            path = Path(folder, f"{count}.json")
            subprocess.run(
                [sys.executable, "-m", "bench.ingest", str(count), "--json", str(path)], check=False
            )
            found += [Step(**step) for step in json.loads(path.read_text())]
    print("\nhow it grows\n" + HEAD)
    for step in sorted(found, key=lambda step: step.what):
        print(step)
    firsts = [step for step in found if step.what == "ingest"]
    return 0 if min(step.lines / step.wall_s for step in firsts) >= WANTED_LINES_PER_S else 1


def timed(spark: SparkSession, what: str, stored: int, lines: int, *, anew: bool = False) -> Step:
    """One run of ingest over the last day, with the local AWS in its figures."""
    now, s3 = datetime.now(UTC), boto3.client("s3")
    with measured() as used:
        taken = ingest(
            spark,
            s3,
            BUCKET,
            run=1,
            first=now - timedelta(hours=26),
            last=now,
            check_lease=lambda: None,
            anew=anew,
        )
    assert sum(taken.fates.values()) == lines
    return shown(Step(what, stored, lines, **asdict(used)))


def shown(step: Step) -> Step:
    print(step, flush=True)
    return step


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.ingest", description=__doc__)
    parser.add_argument("lines", type=int, nargs="?", default=2_000_000, help="order lines (2000000)")
    parser.add_argument("--hours", type=int, default=24, help="of the shop's time that they span (24)")
    parser.add_argument("--full", action="store_true", help="1, 5 and 20 million lines, one after another")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
