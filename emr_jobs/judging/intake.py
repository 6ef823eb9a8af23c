"""How much was ordered in the newest day, beside the same weekday before: no shop has even weeks.

Used by the gate: a tenth of the usual lines, or ten times them, is a broken log before it is a trend.
"""

from dataclasses import dataclass

import numpy as np

from emr_jobs.orders import DAY_SECONDS, Orders

WEEKS = 4
LEAST_WEEKS = 3  # of those, with orders: fewer tell nothing
LEAST_LINES = 100  # on the usual day: below it chance does as much


@dataclass(frozen=True, slots=True)
class Intake:
    lines: int
    usual: float  # the median of the same weekday's

    def unlike(self, times: float, live: "Intake | None" = None) -> str:
        """What is wrong with it, or nothing; a day that was put live though it was unlike is usual, too."""
        if self.usual < LEAST_LINES or self._near(self.usual, times):
            return ""
        if live and live.unlike(times) and self._near(live.lines, times):
            return ""
        return (
            f"{self.lines:,} order lines in the last 24 hours, {self.usual:,.0f} is usual on this weekday: "
            "look at the logs and at what was shipped"
        )

    def _near(self, lines: float, times: float) -> bool:
        return lines / times <= self.lines <= lines * times


def intake(orders: Orders, now: int) -> Intake:
    """The lines of the 24 hours before `now`, and those of the same hours a week before, and so on."""
    ends = [now - week * 7 * DAY_SECONDS for week in range(WEEKS + 1)]
    counts = [_lines(orders, end) for end in ends]
    weeks = [count for count in counts[1:] if count]
    return Intake(counts[0], float(np.median(weeks)) if len(weeks) >= LEAST_WEEKS else 0.0)


def _lines(orders: Orders, end: int) -> int:
    return int(np.count_nonzero((orders.seconds >= end - DAY_SECONDS) & (orders.seconds < end)))
