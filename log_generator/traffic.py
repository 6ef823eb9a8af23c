"""When the shop sells: a day's and a week's curve, and what the season does to a department."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from log_generator.words import DEPARTMENTS

HOUR_S, DAY_S = 3_600, 86_400
_THURSDAY = 3  # 1970-01-01 was one; Monday is 0

# Visits by hour of the day, UTC: lunch and evening peaks, and a few who cannot sleep.
_BY_HOUR = np.array(
    [2, 1, 1, 1, 1, 2, 6, 14, 28, 45, 58, 66, 74, 70, 62, 58, 52, 46, 44, 50, 54, 42, 22, 8], float
)
_BY_WEEKDAY = np.array([1.0, 1.05, 1.05, 1.2, 1.1, 0.7, 0.85])

_SEASON_WIDTH_DAYS = 45.0
_SEASON_GAIN, _OFF_SEASON = 2.5, 0.5
_NO_SEASON = np.array([department.peak_day is None for department in DEPARTMENTS])
_PEAK_DAYS = np.array([department.peak_day or 0 for department in DEPARTMENTS], float)


@dataclass(frozen=True, slots=True)
class Window:
    """The simulated time a run fills with orders."""

    start: int  # epoch seconds
    end: int

    def curve(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Epoch seconds at the edges of the hours, and the share of all visits before each."""
        first_whole = self.start - self.start % HOUR_S + HOUR_S
        inner = np.arange(first_whole, self.end, HOUR_S, dtype=float)
        edges = np.concatenate(([float(self.start)], inner, [float(self.end)]))
        hours = edges[:-1] // HOUR_S
        weekdays = ((hours // 24 + _THURSDAY) % 7).astype(int)
        visits = _BY_HOUR[(hours % 24).astype(int)] * _BY_WEEKDAY[weekdays] * np.diff(edges)
        total = visits.sum()
        share = np.cumsum(visits) / total if total else np.ones(len(visits))
        return edges, np.concatenate(([0.0], share))


def season(departments: NDArray[np.int32], times: NDArray[np.int64]) -> NDArray[np.float64]:
    """How much more, or less, each department sells at each time than over the year."""
    day = times / DAY_S % 365.25
    away = np.abs(day - _PEAK_DAYS[departments])
    away = np.minimum(away, 365.25 - away)
    strength = _OFF_SEASON + _SEASON_GAIN * np.exp(-0.5 * (away / _SEASON_WIDTH_DAYS) ** 2)
    return np.where(_NO_SEASON[departments], 1.0, strength)


def iso(seconds: int) -> str:
    """Epoch seconds as the log writes them."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
