"""The dirt of real logs, at set rates: lines that came twice, broken lines, lost customers, careless codes.

A broken line keeps its event id as its last column, so that the source's sequence stays whole.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from contracts.order_line import Fate, Reason
from log_generator.log_lines import LogLines, number_of

DOUBLED = 0.004  # share of the lines that are written a second time, right after the first


def _extra_column(line: bytes) -> bytes:
    head, event_id = line.rsplit(b",", 1)
    return head + b",," + event_id


def _missing_columns(line: bytes) -> bytes:
    """Two of them: eight columns would be the public file's."""
    head, _, _, event_id = line.rsplit(b",", 3)
    return head + b"," + event_id


def _open_quote(line: bytes) -> bytes:
    invoice, code, rest = line.split(b",", 2)
    return b",".join((invoice, code, b'"' + rest))


def _latin_1(line: bytes) -> bytes:
    invoice, code, rest = line.split(b",", 2)
    return b",".join((invoice, code, rest[:1] + b"\xe9" + rest[1:]))


def _without_invoice(line: bytes) -> bytes:
    return b"," + line.split(b",", 1)[1]


def _without_code(line: bytes) -> bytes:
    invoice, _, rest = line.split(b",", 2)
    return b",".join((invoice, b"", rest))


_QUANTITY, _TIME, _PRICE, _CUSTOMER = -6, -5, -4, -3  # columns from the right, where no text holds a comma


def _replaced(column: int, value: bytes) -> Callable[[bytes], bytes]:
    def replace(line: bytes) -> bytes:
        columns = line.rsplit(b",", 6)
        columns[column] = value
        return b",".join(columns)

    return replace


def _careless_code(line: bytes) -> bytes:
    invoice, code, rest = line.split(b",", 2)
    return b",".join((invoice, code.lower() + b" ", rest))


@dataclass(frozen=True, slots=True)
class Stain:
    """One kind of dirt: its share of the lines, and what it makes of a line."""

    share: float
    spoil: Callable[[bytes], bytes]
    reason: Reason | None = None  # why the line is then refused, where it is
    loses_customer: bool = False


STAINS = (
    Stain(0.0010, _extra_column, Reason.COLUMNS),
    Stain(0.0010, _missing_columns, Reason.COLUMNS),
    Stain(0.0005, _open_quote, Reason.COLUMNS),
    Stain(0.0010, _latin_1, Reason.NOT_UTF8),
    Stain(0.0002, _without_invoice, Reason.INVOICE),
    Stain(0.0002, _without_code, Reason.STOCK_CODE),
    Stain(0.0002, _replaced(_QUANTITY, b"0"), Reason.QUANTITY),
    Stain(0.0002, _replaced(_QUANTITY, b"two"), Reason.QUANTITY),
    Stain(0.0002, _replaced(_TIME, b"2026-02-30T25:61"), Reason.TIME),
    Stain(0.0002, _replaced(_PRICE, b"n/a"), Reason.UNIT_PRICE),
    Stain(0.0002, _replaced(_CUSTOMER, b"#REF!"), Reason.CUSTOMER),
    Stain(0.0020, _replaced(_CUSTOMER, b""), loses_customer=True),
    Stain(0.0020, _careless_code),
)
MAX_RATE = 40.0  # at which more than half of all lines are soiled
_EDGES = np.cumsum([stain.share for stain in STAINS])
_SALE, _GUEST, _DUPLICATE = map(number_of, (Fate.SALE, Fate.GUEST, Fate.DUPLICATE))


@dataclass(frozen=True, slots=True)
class Dirt:
    """All shares times `rate`: 0 is a clean log."""

    rate: float

    def doubling(self, rng: np.random.Generator, lines: int) -> NDArray[np.int64]:
        """For each line of the log the place of the order line it shows; some are shown twice."""
        again = rng.random(lines) < DOUBLED * self.rate
        again[0] = False
        again[1:] &= ~again[:-1]
        return np.cumsum(~again) - 1

    def soil(self, rng: np.random.Generator, lines: LogLines, shown: NDArray[np.int64]) -> LogLines:
        """The lines as the log shows them. A line that is shown twice stays whole."""
        twice = shown[1:] == shown[:-1]
        kinds = np.searchsorted(_EDGES * self.rate, rng.random(len(lines)), side="right")
        kinds[shown[1:][twice]] = len(STAINS)
        places = np.flatnonzero(kinds < len(STAINS))
        texts, outcomes = _stained(lines, places, [STAINS[kind] for kind in kinds[places]])
        outcomes = outcomes[shown]
        outcomes[1:][twice] = _DUPLICATE
        return LogLines(texts.take(pa.array(shown)), lines.sequences[shown], lines.times[shown], outcomes)


def _stained(
    lines: LogLines, places: NDArray[np.int64], stains: list[Stain]
) -> tuple[pa.LargeBinaryArray, NDArray[np.int8]]:
    outcomes = lines.outcomes.copy()
    texts = []
    for place, stain in zip(places.tolist(), stains, strict=True):
        texts.append(stain.spoil(lines.texts[place].as_py()))
        if stain.reason:
            outcomes[place] = number_of(stain.reason)
        elif stain.loses_customer and outcomes[place] == _SALE:
            outcomes[place] = _GUEST
    mask = np.zeros(len(lines), bool)
    mask[places] = True
    return pc.replace_with_mask(lines.texts, pa.array(mask), pa.array(texts, pa.large_binary())), outcomes
