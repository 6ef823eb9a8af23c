"""One run of the simulated shop into a log folder: with a simulated clock, or in real time."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from log_generator.dirt import Dirt
from log_generator.errors import RequestError
from log_generator.log_files import BY_NOTHING, LogFiles, Rotation, writing_alone
from log_generator.log_tail import newest_tail
from log_generator.pace import Pace
from log_generator.register import Register, read_register, write_durably
from log_generator.shop import MAX_BLOCK_LINES, Shop, World, block_sizes, completed, source_name
from log_generator.tally import Tally
from log_generator.traffic import Window, iso

CATALOGUE_NAME = "catalogue.csv"
DEFAULT_SEED = 1
DEFAULT_LINES = 100_000
_MIN_LIVE_BLOCK_LINES = 64  # some baskets, also where a line takes seconds

Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Opening:
    """What was asked for."""

    folder: Path
    end: int  # epoch seconds at which the simulated clock ends; in real time, now
    window_s: int
    lines: int | None = None
    lines_per_s: float | None = None  # in real time; None for a simulated clock
    seed: int | None = None
    source: str | None = None
    dirt: float = 1.0
    customers: int | None = None
    items: int | None = None
    rotation: Rotation = BY_NOTHING

    @property
    def size_lines(self) -> int:
        """How many lines the shop is made for, where it is a new one."""
        return DEFAULT_LINES if self.lines is None else self.lines


def run_shop(
    opening: Opening,
    stop: threading.Event,
    advance: Advance = lambda _: None,
    clock: Callable[[], float] = time.time,
) -> tuple[Tally, Shop]:
    """Writes the catalogue, then the orders; the count of what was written, and the shop it came from."""
    with writing_alone(opening.folder):
        register = _register(opening)
        with LogFiles(opening.folder, opening.rotation, register) as log:
            return _run(opening, register, log, stop, advance, clock)


def _run(
    opening: Opening,
    register: Register,
    log: LogFiles,
    stop: threading.Event,
    advance: Advance,
    clock: Callable[[], float],
) -> tuple[Tally, Shop]:
    window = _window(opening, log)
    shop = Shop(World(**register.about["shop"]), register.source, Dirt(opening.dirt), window.start)
    tally = Tally(register.source)
    mended = _mend(log, shop, tally, window)
    if opening.lines_per_s:
        pace = Pace(opening.lines_per_s, stop, clock)
        limit = opening.lines - mended if opening.lines is not None else None
        _sell_live(shop, log, tally, pace, limit, stop, advance)
    else:
        _sell(shop, log, tally, window, opening.size_lines - mended, stop, advance)
    return tally, shop


def _register(opening: Opening) -> Register:
    """The folder's own, where it has one; a new shop's otherwise."""
    known = read_register(opening.folder)
    if known:
        _refuse_another(opening, known)
        return known
    opened = opening.end if opening.lines_per_s else opening.end - opening.window_s
    seed = DEFAULT_SEED if opening.seed is None else opening.seed
    sized = World.sized(seed, opening.size_lines, opened, opening.window_s)
    world = World(
        seed, opening.customers or sized.customers, opening.items or sized.items, opened, sized.span
    )
    started = time.time_ns() if opening.lines_per_s else opening.end
    name = source_name(world, opening.lines, opening.dirt, started)
    source = opening.source or newest_tail(opening.folder).source or name
    return Register(source, about={"shop": world.plain()})


def _refuse_another(opening: Opening, known: Register) -> None:
    world = known.about.get("shop")
    if world is None:
        raise RequestError(f"{opening.folder} belongs to a replay ({known.source}): choose another folder")
    asked = {
        "--source": (opening.source, known.source),
        "--seed": (opening.seed, world["seed"]),
        "--customers": (opening.customers, world["customers"]),
        "--items": (opening.items, world["items"]),
    }
    for option, (wanted, has) in asked.items():
        if wanted not in {None, has}:
            raise RequestError(
                f"{opening.folder} belongs to a shop with {option} {has}, not {wanted}: "
                f"leave {option} away to go on with it, or choose another folder"
            )


def _window(opening: Opening, log: LogFiles) -> Window:
    """The shop's clock goes on after the last order, whatever length is asked for."""
    if log.time > opening.end and not opening.lines_per_s:
        raise RequestError(
            f"the orders in {opening.folder} reach {iso(log.time)} already: choose an --end after that"
        )
    return Window(max(opening.end - opening.window_s, log.time), opening.end)


def _mend(log: LogFiles, shop: Shop, tally: Tally, window: Window) -> int:
    if not log.torn:
        return 0
    lines = completed(log.torn, shop.source, log.sequence + 1, log.time or window.start)
    log.append(lines)
    tally.add(lines)
    return 1


def _sell(
    shop: Shop,
    log: LogFiles,
    tally: Tally,
    window: Window,
    lines: int,
    stop: threading.Event,
    advance: Advance,
) -> None:
    _list(shop, log.folder, window.end)
    edges, sold = window.curve()
    done = 0
    for size in block_sizes(lines):
        if stop.is_set():
            return

        def moments(shares: NDArray[np.float64], done: int = done, size: int = size) -> NDArray[np.int64]:
            return np.interp((done + shares * size) / lines, sold, edges).astype(np.int64)

        block = shop.block(size, log.sequence + 1, moments)
        log.append(block)
        tally.add(block)
        advance(size)
        done += size


def _sell_live(
    shop: Shop,
    log: LogFiles,
    tally: Tally,
    pace: Pace,
    limit: int | None,
    stop: threading.Event,
    advance: Advance,
) -> None:
    rate = pace.lines_per_s
    usual = min(MAX_BLOCK_LINES, max(_MIN_LIVE_BLOCK_LINES, int(rate)))
    listed = b""
    left = limit
    while not stop.is_set() and left != 0:
        size = usual if left is None else min(usual, left)
        begins = pace.begin(size)

        def moments(
            shares: NDArray[np.float64], begins: float = begins, size: int = size
        ) -> NDArray[np.int64]:
            return np.maximum(begins + shares * size / rate, log.time).astype(np.int64)

        listed = _list(shop, log.folder, int(begins), listed)
        block = shop.block(size, log.sequence + 1, moments)
        for start, end in pace.due(begins, size):
            part = block.part(start, end)
            log.append(part)
            tally.add(part)
            advance(end - start)
        left = None if left is None else left - size


def _list(shop: Shop, folder: Path, now: int, before: bytes = b"") -> bytes:
    """The catalogue file as of `now`, written where it differs from the one before."""
    content = shop.catalogue_file(now)
    if content != before:
        write_durably(folder / CATALOGUE_NAME, content)
    return content
