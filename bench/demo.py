"""How long the demo takes and how much memory it has at most: `python -m bench.demo`.

The budgets are 90 s and 4 GB on 2 cores. Memory is the sum of the proportional set sizes of the demo's
process and all that it started.
"""

import argparse
import subprocess
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path

SAMPLE_S = 0.25
KIB = 1024


def family(root: int, folder: Path) -> set[int]:
    """The demo's process, the background ones that name its folder, and all that descend from either."""
    children, roots = defaultdict(list), [root]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            after_name = (process / "stat").read_text().rpartition(")")[2].split()
            command = (process / "cmdline").read_bytes()
        except OSError:  # it ended meanwhile
            continue
        children[int(after_name[1])].append(int(process.name))
        if str(folder).encode() in command:
            roots.append(int(process.name))
    found: set[int] = set()
    while roots:
        pid = roots.pop()
        if pid not in found:
            found.add(pid)
            roots += children[pid]
    return found


def memory_bytes(pids: set[int]) -> int:
    total = 0
    for pid in pids:
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return total * KIB


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.demo", description=__doc__)
    parser.add_argument("--lines", type=int, default=100_000, help="order lines (100000)")
    options = parser.parse_args()
    began = time.monotonic()
    command = [str(Path(sys.executable).with_name("cadabra")), "demo", "--lines", str(options.lines)]
    demo = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    peak = 0
    ended = threading.Event()
    threading.Thread(target=lambda: (demo.wait(), ended.set()), daemon=True).start()
    while not ended.wait(SAMPLE_S):
        peak = max(peak, memory_bytes(family(demo.pid, Path(".cadabra", "demo").resolve())))
    seconds = time.monotonic() - began
    print(f"demo, {options.lines:,} lines: {seconds:.1f} s of 90, {peak / 2**30:.2f} GiB of 4 at most")
    return demo.returncode


if __name__ == "__main__":
    sys.exit(main())
