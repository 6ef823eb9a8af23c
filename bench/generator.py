"""How fast the simulated shop writes: lines per CPU-second of the whole command, start-up included.

python -m bench.generator [--lines 2000000] [--json FILE]
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WANTED_LINES_PER_CPU_S = 300_000


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.generator", description="Lines per CPU-second of the simulated shop."
    )
    parser.add_argument("--lines", type=int, default=2_000_000, metavar="N", help="order lines (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures, as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cadabra-bench-") as folder:
        figures = measure(Path(folder), options.lines)
    print(
        f"generator: {figures['lines']:,} lines, {figures['lines_per_cpu_s']:,.0f} lines/CPU-s "
        f"({figures['ratio']:.1f} x the {WANTED_LINES_PER_CPU_S:,} wanted), "
        f"{figures['lines_per_s']:,.0f} lines/s, {figures['peak_mb']:,.0f} MB at the peak"
    )
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0 if figures["ratio"] >= 1 else 1


def measure(folder: Path, lines: int) -> dict[str, float]:
    count = folder / "count.json"
    command = [sys.executable, "-m", "log_generator", "shop", "--lines", str(lines)]
    began = time.perf_counter()
    subprocess.run(
        [*command, "--out", str(folder / "logs"), "--json", str(count)], check=True, stdout=subprocess.DEVNULL
    )
    wall_s = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = used.ru_utime + used.ru_stime
    written = (folder / "logs" / "orders.log").read_bytes().count(b"\n")
    assert written == json.loads(count.read_text())["lines"] == lines
    return {
        "lines": lines,
        "lines_per_cpu_s": lines / cpu_s,
        "lines_per_s": lines / wall_s,
        "ratio": lines / cpu_s / WANTED_LINES_PER_CPU_S,
        "peak_mb": used.ru_maxrss / 1024,
    }


if __name__ == "__main__":
    sys.exit(main())
