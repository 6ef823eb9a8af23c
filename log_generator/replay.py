"""A real order file, written as a server would have: into a log folder, at once or at a rate, resumably."""

import dataclasses
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from log_generator.errors import RequestError
from log_generator.log_files import BY_NOTHING, LogFiles, Rotation, writing_alone
from log_generator.log_lines import LogLines
from log_generator.order_file import BATCH_LINES, OrderFile
from log_generator.pace import Pace
from log_generator.register import Register, read_register
from log_generator.tally import Tally


@dataclass(frozen=True, slots=True)
class Replay:
    """What was asked for."""

    folder: Path
    shifted: bool = False  # to now, by whole weeks
    lines: int | None = None  # at most so many in this run
    lines_per_s: float | None = None
    rotation: Rotation = BY_NOTHING


def run_replay(
    replay: Replay,
    orders: OrderFile,
    stop: threading.Event,
    advance: Callable[[int], None] = lambda _: None,
    clock: Callable[[], float] = time.time,
) -> Tally:
    """Writes what is left of the file; the count of what was written."""
    with writing_alone(replay.folder):
        register = _register(replay, orders, clock())
        weeks = int(register.about["weeks"])
        tally = Tally(register.source)
        with LogFiles(replay.folder, replay.rotation, register) as log:
            _write(replay, orders, weeks, log, tally, stop, advance, clock)
    return tally


def _register(replay: Replay, orders: OrderFile, now: float) -> Register:
    known = read_register(replay.folder)
    if known is None:
        weeks = orders.weeks_until(datetime.fromtimestamp(now, UTC)) if replay.shifted else 0
        return Register(orders.source(weeks), about={"file": orders.digest, "weeks": weeks})
    if known.about.get("file") != orders.digest:
        raise RequestError(f"{replay.folder} belongs to {known.source}, not to {orders.path}: choose another")
    if bool(known.about["weeks"]) != replay.shifted:
        was = "with shifted times" if known.about["weeks"] else "with times kept"
        raise RequestError(f"{replay.folder} was begun {was}: go on so, or choose another folder")
    return known


def _write(
    replay: Replay,
    orders: OrderFile,
    weeks: int,
    log: LogFiles,
    tally: Tally,
    stop: threading.Event,
    advance: Callable[[int], None],
    clock: Callable[[], float],
) -> None:
    rate = replay.lines_per_s
    pace = Pace(rate, stop, clock) if rate else None
    batch = min(BATCH_LINES, max(1, int(rate))) if rate else BATCH_LINES
    left = orders.lines if replay.lines is None else replay.lines
    for lines in orders.log_lines(weeks, log.sequence, batch=batch):
        wanted = lines.part(0, min(left, len(lines)))
        pieces = pace.due(pace.begin(len(wanted)), len(wanted)) if pace else iter([(0, len(wanted))])
        for start, end in pieces:
            part = wanted.part(start, end)
            never_back = np.maximum(np.maximum.accumulate(part.times), log.time)  # a log's hours only go on
            log.append(_unwritten(dataclasses.replace(part, times=never_back), log, orders))
            tally.add(part)
            advance(end - start)
        left -= len(wanted)
        if not left or stop.is_set():
            return


def _unwritten(lines: LogLines, log: LogFiles, orders: OrderFile) -> LogLines:
    """Without the piece of the first line that a killed run has already written."""
    if not log.torn:
        return lines
    first = lines.texts[0].as_py()
    if not first.startswith(log.torn):
        raise RequestError(
            f"the log in {log.folder} ends in a piece of a line that is not line {log.sequence + 1} of "
            f"{orders.path}: {log.torn[:60]!r}. Choose another folder"
        )
    rest = pa.array([first[len(log.torn) :]], pa.large_binary())
    texts = pa.concat_arrays([rest, lines.texts.slice(1)])
    return dataclasses.replace(lines, texts=texts)
