"""The fault switch: what AWS does at set rates, from a seed. Tests and demonstrations use it."""

import random
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum


class Fault(StrEnum):
    """What happens to one put."""

    NONE = "none"
    THROTTLE = "throttle"  # ServiceUnavailableException, nothing taken
    ERROR = "error"  # a 500, nothing taken
    TIMEOUT_BEFORE = "timeout_before"  # no answer, nothing taken
    TIMEOUT_AFTER = "timeout_after"  # no answer, all taken


_TEXTS = ("stuck", "refused")


class FaultsError(ValueError):
    """The rates are none."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares of puts, 0 to 1; `partial` is a share of the records of a batch."""

    throttle: float = 0.0
    error: float = 0.0
    timeout: float = 0.0  # half of them were taken, half were not: nobody knows which
    partial: float = 0.0
    hang_seconds: float = 0.0  # how long a put without an answer is held before its connection is dropped
    seed: int = 1
    stuck: str = ""  # a record with this text in it is never taken
    refused: str = ""  # a call with such a record gets InvalidArgumentException

    @classmethod
    def parse(cls, plain: Mapping[str, object]) -> "Rates":
        unknown = plain.keys() - {field.name for field in fields(cls)}
        if unknown:
            known = ", ".join(field.name for field in fields(cls))
            raise FaultsError(f"no such fault: {', '.join(sorted(unknown))}; there are {known}")
        for name, value in plain.items():
            if name in _TEXTS and isinstance(value, str):
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
                raise FaultsError(f"the fault {name} is {value!r}, not a number of 0 or more")
            if name not in ("hang_seconds", "seed") and value > 1:
                raise FaultsError(f"the fault {name} is {value!r}, not a share from 0 to 1")
        return cls(**plain)  # type: ignore[arg-type]


class Faults:
    """Thread-safe; the same seed and the same puts in the same order give the same faults."""

    def __init__(self, rates: Rates) -> None:
        self._lock = threading.Lock()
        self.given: Counter[Fault] = Counter()
        self.turn(rates)

    def turn(self, rates: Rates) -> None:
        with self._lock:
            self.rates = rates
            self._random = random.Random(rates.seed)

    def for_put(self) -> Fault:
        with self._lock:
            fault = self._draw(self.rates)
            self.given[fault] += 1
        return fault

    def _draw(self, rates: Rates) -> Fault:
        draw, after = self._random.random(), self._random.random()
        if draw < rates.throttle:
            return Fault.THROTTLE
        if draw < rates.throttle + rates.error:
            return Fault.ERROR
        if draw < rates.throttle + rates.error + rates.timeout:
            return Fault.TIMEOUT_AFTER if after < 0.5 else Fault.TIMEOUT_BEFORE  # noqa: PLR2004 (a half)
        return Fault.NONE

    def failed_records(self, records: Sequence[bytes]) -> frozenset[int]:
        """The places in a batch that fail."""
        with self._lock:
            rates = self.rates
            if not rates.partial and not rates.stuck:
                return frozenset()
            stuck = rates.stuck.encode()
            return frozenset(
                place
                for place, record in enumerate(records)
                if (rates.partial and self._random.random() < rates.partial) or (stuck and stuck in record)
            )

    def refuses(self, records: Sequence[bytes]) -> bool:
        refused = self.rates.refused.encode()
        return bool(refused) and any(refused in record for record in records)
