"""Lines ready for the log, with what their writer has decided about each."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from contracts.order_line import Fate, Reason

# The outcome of a line as a small number: a fate, or for a rejected line its reason.
OUTCOMES: tuple[Fate | Reason, ...] = (*(fate for fate in Fate if fate is not Fate.REJECTED), *Reason)
_NUMBERS = {outcome: number for number, outcome in enumerate(OUTCOMES)}


def number_of(outcome: Fate | Reason) -> int:
    return _NUMBERS[outcome]


@dataclass(frozen=True, slots=True)
class LogLines:
    """Each array has one entry for each line."""

    texts: pa.LargeBinaryArray  # newlines included
    sequences: NDArray[np.int64]
    times: NDArray[np.int64]  # epoch seconds
    outcomes: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.outcomes)

    def data(self) -> memoryview:
        """The lines' bytes, one after the other."""
        offsets = self._offsets()
        return memoryview(self.texts.buffers()[2])[offsets[0] : offsets[-1]]

    def ends(self) -> NDArray[np.int64]:
        """Where each line ends in `data`."""
        offsets = self._offsets()
        ends: NDArray[np.int64] = offsets[1:] - offsets[0]
        return ends

    def part(self, start: int, end: int) -> "LogLines":
        return LogLines(
            self.texts.slice(start, end - start),
            self.sequences[start:end],
            self.times[start:end],
            self.outcomes[start:end],
        )

    def _offsets(self) -> NDArray[np.int64]:
        """Where each line begins in the array's buffer, and where the last one ends."""
        offsets: NDArray[np.int64] = np.frombuffer(self.texts.buffers()[1], np.int64)
        return offsets[self.texts.offset : self.texts.offset + len(self) + 1]
