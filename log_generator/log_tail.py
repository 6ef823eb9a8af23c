"""How a folder's logs end: the last event id and time, and the piece of a line a killed writer left."""

import os
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from contracts.order_line import (
    MAX_LINE_BYTES,
    RefusedLineError,
    parse_line,
    salvage_event_id,
    split_event_id,
)

LIVE_NAME = "orders.log"
_TAILS_BYTES = (8 * 1024, 4 * MAX_LINE_BYTES)  # mostly enough; holds one whole line at least


@dataclass(frozen=True, slots=True)
class Tail:
    source: str = ""  # empty where no line of the tail has an event id
    sequence: int = 0
    time: int = 0  # epoch seconds of the last order that can be read; 0 for none
    torn: bytes = b""  # after the last newline


def read_tail(path: Path) -> Tail:
    tail = Tail()
    for length in _TAILS_BYTES:
        tail = _tail(path, length)
        if tail.source and tail.time:
            break
    return tail


def _tail(path: Path, length: int) -> Tail:
    with path.open("rb") as file:
        start = max(0, file.seek(0, os.SEEK_END) - length)
        file.seek(start)
        lines = file.read().split(b"\n")
    torn = lines.pop()
    whole = lines[1:] if start else lines
    source, sequence = _last_id(whole)
    return Tail(source, sequence, _last_time(whole), torn)


def newest_tail(folder: Path) -> Tail:
    """The tail with the highest sequence among all whole logs, rotated ones included."""
    tails = [read_tail(path) for path in logs(folder)]
    return max(tails, key=lambda tail: tail.sequence, default=Tail())


def logs(folder: Path) -> list[Path]:
    """The plain-text logs of the folder; what a compressor made of old ones is not read."""
    return [
        path for path in folder.glob(LIVE_NAME + "*") if path.suffix not in {".gz", ".xz", ".bz2", ".zst"}
    ]


def _last_id(lines: list[bytes]) -> tuple[str, int]:
    for line in reversed(lines):
        if found := split_event_id(salvage_event_id(line)):
            return found
    return "", 0


def _last_time(lines: list[bytes]) -> int:
    for line in reversed(lines):
        try:
            return int(parse_line(line, shop_zone=UTC).time.timestamp())
        except RefusedLineError:
            continue
    return 0
