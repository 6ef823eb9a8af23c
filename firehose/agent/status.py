"""What the agent has done and what is left, for the status line, the JSON on demand and the metrics."""

import threading
import time
from dataclasses import dataclass, field


@dataclass
class Counts:
    """Of one flow, since the start. Many threads add."""

    lines: int = 0  # acknowledged
    records: int = 0  # taken by the destination
    bytes: int = 0  # acknowledged
    calls: int = 0
    retries: int = 0
    failed_records: int = 0
    quarantined: int = 0
    last_error: str = ""
    last_acknowledged: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(
        self,
        *,
        lines: int = 0,
        records: int = 0,
        size: int = 0,
        calls: int = 0,
        retries: int = 0,
        failed_records: int = 0,
        quarantined: int = 0,
    ) -> None:
        with self._lock:
            self.lines += lines
            self.records += records
            self.bytes += size
            self.calls += calls
            self.retries += retries
            self.failed_records += failed_records
            self.quarantined += quarantined
            if records or lines:
                self.last_acknowledged = time.monotonic()


@dataclass(frozen=True, slots=True)
class FlowStatus:
    """One flow at one moment."""

    flow: str
    files: int
    lines: int
    records: int
    bytes: int
    calls: int
    retries: int
    failed_records: int
    quarantined: int
    lag_bytes: int  # written and not yet acknowledged
    unfinished_bytes: int  # last lines without their newline: they wait
    in_flight_bytes: int
    waiting: str  # why the circuit is open, or empty
    last_error: str
