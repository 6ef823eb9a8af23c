"""`python -m bench`, which `make bench` runs: the figures of every part, one after another.

Each is a process of its own, as `python -m bench.NAME` (which has sizes to ask for: --help). The exit code is
1 where one misses a budget that it knows of, or fails.
"""

import argparse
import subprocess
import sys
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Bench:
    name: str
    about: str


BENCHES = (
    Bench("generator", "how fast the simulated shop writes"),
    Bench("agent", "how fast the agent ships, beside the Amazon Kinesis Agent, and its memory"),
    Bench("delivery", "how fast the local Firehose takes and keeps, beside what any one must do"),
    Bench("ingest", "how fast landed lines become committed rows"),
    Bench("als", "training, cold and warm, beside its peers where they are installed"),
    Bench("topk", "ranking everyone, beside the bare matrix product"),
    Bench("ranking", "ranking the customers whom an hour changes, and everyone, by the forest"),
    Bench("publish", "how fast lists go live, beside bare BatchWriteItem calls, and what an hour costs"),
    Bench("lookup", "how fast a customer's list is answered, by the handler alone and over HTTP"),
    Bench("study", "ratings foretold by four models, on MovieLens latest-small where MOVIELENS names it"),
    Bench("demo", "the whole way, 100,000 order lines to one customer's list"),
)


def main() -> int:
    names = [bench.name for bench in BENCHES]
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Every figure that the README quotes."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these of {', '.join(names)}")
    chosen = parser.parse_args().names
    for name in chosen:
        if name not in names:
            parser.error(f"there is no {name}: choose from {', '.join(names)}")
    missed = [bench.name for bench in BENCHES if bench.name in (chosen or names) and not _met(bench)]
    if missed:
        print(f"\nnot met, or failed: {', '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


def _met(bench: Bench) -> bool:
    print(f"\n== {bench.name}: {bench.about}", flush=True)
    began = time.monotonic()
    code = subprocess.run([sys.executable, "-m", f"bench.{bench.name}"], check=False).returncode
    print(f"   ({time.monotonic() - began:.0f} s)", flush=True)
    return code == 0


if __name__ == "__main__":
    sys.exit(main())
