"""Real time: so many lines a second, and a stop that takes effect between two lines."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

TICK_S = 0.05  # how often due lines are written
_LATE_S = 1.0  # a machine that slept or is too slow starts afresh instead of catching up


class Pace:
    def __init__(
        self, lines_per_s: float, stop: threading.Event, clock: Callable[[], float] = time.time
    ) -> None:
        self.lines_per_s, self._stop, self._clock = lines_per_s, stop, clock
        self._start, self._planned = clock(), 0

    def begin(self, lines: int) -> float:
        """When the next `lines` lines begin, in epoch seconds; never earlier than those before them end."""
        begins = self._start + self._planned / self.lines_per_s
        if self._clock() - begins > _LATE_S:
            self._start, self._planned = self._clock(), 0
            begins = self._start
        self._planned += lines
        return begins

    def due(self, begins: float, lines: int) -> Iterator[tuple[int, int]]:
        """Runs of the lines as they fall due; ends early when stopped."""
        done = 0
        while done < lines and not self._stop.is_set():
            now_due = min(lines, int((self._clock() - begins) * self.lines_per_s) + 1)
            if now_due > done:
                yield done, now_due
                done = now_due
            else:
                self._stop.wait(TICK_S)


@contextmanager
def stopping_on_signals() -> Iterator[threading.Event]:
    """SIGINT and SIGTERM set the event: what is being written is finished, the rest is left."""
    stop = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
