"""What a piece of work takes of the machine, with all it started: wall, CPU and memory at most."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.demo import family, memory_bytes

SAMPLE_S = 0.25
_NO_FOLDER = Path(os.devnull, "none")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Usage:
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_bytes: int = 0

    def __str__(self) -> str:
        return f"{self.wall_s:.1f} s, {self.cpu_s:.1f} CPU s, {self.peak_bytes / 2**30:.2f} GiB at most"


@contextmanager
def measured() -> Iterator[Usage]:
    """What the block takes; known when it has ended."""
    used, ended = Usage(), threading.Event()
    sampler = threading.Thread(target=_sample, args=(used, ended))
    began, cpu_before = time.perf_counter(), _cpu_seconds()
    sampler.start()
    try:
        yield used
    finally:
        used.wall_s, used.cpu_s = time.perf_counter() - began, _cpu_seconds() - cpu_before
        ended.set()
        sampler.join()


def _sample(used: Usage, ended: threading.Event) -> None:
    while True:
        used.peak_bytes = max(used.peak_bytes, memory_bytes(family(os.getpid(), _NO_FOLDER)))
        if ended.wait(SAMPLE_S):
            return


def _cpu_seconds() -> float:
    """Of this process and all it started, the ended ones included."""
    return sum(map(ticks, family(os.getpid(), _NO_FOLDER))) / TICKS_PER_S


def ticks(pid: int) -> int:
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it ended meanwhile
        return 0
    return sum(map(int, after_name[11:15]))
