"""An exact count of what was written, by fate: kept as lines are decided on, never read back from a file."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.order_line import Fate, Reason

# The outcome of a line as a small number: a fate, or for a rejected line its reason.
OUTCOMES: tuple[Fate | Reason, ...] = (*(fate for fate in Fate if fate is not Fate.REJECTED), *Reason)
_NUMBERS = {outcome: number for number, outcome in enumerate(OUTCOMES)}


def number_of(outcome: Fate | Reason) -> int:
    return _NUMBERS[outcome]


@dataclass(slots=True)
class Tally:
    source: str
    first: int = 0  # sequence numbers; 0 while nothing was written
    last: int = 0
    bytes_written: int = 0
    first_time: int = 0  # epoch seconds
    last_time: int = 0
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(OUTCOMES), np.int64))

    @property
    def lines(self) -> int:
        return int(self.counts.sum())

    def add(
        self, outcomes: NDArray[np.int8], sequences: NDArray[np.int64], times: NDArray[np.int64], size: int
    ) -> None:
        if not len(outcomes):
            return
        if not self.lines:
            self.first, self.first_time = int(sequences[0]), int(times[0])
        self.last, self.last_time = int(sequences[-1]), int(times[-1])
        self.bytes_written += size
        self.counts += np.bincount(outcomes, minlength=len(OUTCOMES))

    def plain(self) -> dict[str, Any]:
        by_outcome = dict(zip(OUTCOMES, self.counts.tolist(), strict=True))
        rejected = {reason.value: by_outcome[reason] for reason in Reason if by_outcome[reason]}
        fates = {fate.value: by_outcome.get(fate, 0) for fate in Fate}
        fates[Fate.REJECTED.value] = sum(rejected.values())
        return {
            "source": self.source,
            "first": self.first,
            "last": self.last,
            "lines": self.lines,
            "bytes": self.bytes_written,
            "from": _iso(self.first_time),
            "to": _iso(self.last_time),
            "fates": fates,
            "rejected": rejected,
        }

    def sentence(self) -> str:
        """One line for people."""
        plain = self.plain()
        if not self.lines:
            return f"wrote no line of {self.source}"
        fates = ", ".join(f"{count:,} {fate}" for fate, count in plain["fates"].items() if count)
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in plain["rejected"].items())
        return (
            f"wrote {self.lines:,} lines of {self.source} ({self.first:,} to {self.last:,}), "
            f"{plain['from']} to {plain['to']}: {fates}" + (f" ({reasons})" if reasons else "")
        )

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(self.plain(), indent=2) + "\n")


def _iso(seconds: int) -> str | None:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}" if seconds else None
