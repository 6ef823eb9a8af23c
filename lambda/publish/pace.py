"""How fast one worker may write: bursts would be throttled, and what is throttled is sent twice."""

import time
from collections.abc import Callable
from dataclasses import dataclass

# A new on-demand table takes 4,000 write units a second; four workers (the template's bound) share them.
ITEMS_PER_SECOND = 1_000.0


@dataclass
class Pace:
    rate: float = ITEMS_PER_SECOND
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
    _next: float = 0.0  # when the next batch may begin

    def wait(self, items: int) -> None:
        """Until these items' turn has come."""
        now = self.clock()
        if now < self._next:
            self.pause(self._next - now)
        self._next = max(now, self._next) + items / self.rate
