"""What the simulated shop wrote, read back from its logs by the contract."""

import threading
from collections import Counter
from pathlib import Path

from contracts.order_line import (
    Fate,
    OrderLine,
    RefusedLineError,
    fate_of,
    parse_line,
    salvage_event_id,
    split_event_id,
)
from log_generator.opening import Opening, run_shop

END = 1_795_172_400  # 2026-11-20T11:00:00Z, a Friday
WEEK_S = 7 * 86_400


def run(folder: Path, lines: int = 5_000, **more):
    opening = Opening(folder, end=END, window_s=more.pop("window_s", 10 * WEEK_S), lines=lines, **more)
    return run_shop(opening, threading.Event())


def raw_lines(folder: Path) -> list[bytes]:
    """All lines, the oldest log first."""
    logs = sorted(folder.glob("orders.log*"), key=first_sequence)
    return [line for log in logs for line in log.read_bytes().splitlines(keepends=True)]


def first_sequence(log: Path) -> int:
    line = log.read_bytes().split(b"\n", 1)[0]
    found = split_event_id(salvage_event_id(line))
    return found[1] if found else 0


def read_back(lines: list[bytes]) -> tuple[Counter, list[OrderLine]]:
    """Every fate as ingest counts it, and the orders."""
    fates, orders, seen = Counter(), [], set()
    for raw in lines:
        event_id = salvage_event_id(raw)
        fate, order = Fate.REJECTED, None
        try:
            order = parse_line(raw)
            fate = Fate.DUPLICATE if event_id in seen else fate_of(order)
        except RefusedLineError as error:
            fates[error.reason] += 1
        seen.add(event_id)
        fates[fate] += 1
        if order and fate is not Fate.DUPLICATE:
            orders.append(order)
    return fates, orders


def sequences(lines: list[bytes]) -> list[int]:
    return [split_event_id(salvage_event_id(line))[1] for line in lines]
