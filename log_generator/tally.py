"""An exact count of what was written, by fate: kept as lines are decided on, never read back from a file."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.order_line import Fate, Reason
from log_generator.log_lines import OUTCOMES, LogLines
from log_generator.register import write_durably
from log_generator.traffic import iso


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

    def add(self, lines: LogLines) -> None:
        if not len(lines):
            return
        if not self.lines:
            self.first, self.first_time = int(lines.sequences[0]), int(lines.times[0])
        self.last, self.last_time = int(lines.sequences[-1]), int(lines.times[-1])
        self.bytes_written += len(lines.data())
        self.counts += np.bincount(lines.outcomes, minlength=len(OUTCOMES))

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
            "from": iso(self.first_time) if self.lines else None,
            "to": iso(self.last_time) if self.lines else None,
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
        write_durably(path, json.dumps(self.plain(), indent=2).encode() + b"\n")
