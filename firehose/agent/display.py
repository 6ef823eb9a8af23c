"""The agent's status for a human: a progress bar on a terminal, a line now and then in a log."""

import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from firehose.agent.status import FlowStatus

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Display:
    """Writes to stderr."""

    def __init__(self, report_seconds: float) -> None:
        self._report_seconds = report_seconds
        self._reported = self._started = time.monotonic()
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._bar = _bar()
            self._bar.start()
            self._task = self._bar.add_task("shipping", total=None, said="")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar:
            self._bar.stop()

    def show(self, flows: Sequence[FlowStatus]) -> None:
        now = time.monotonic()
        if self._bar and self._task is not None:
            done = sum(flow.bytes for flow in flows)
            left = sum(flow.lag_bytes for flow in flows)
            said = sentence(flows, now - self._started)
            self._bar.update(self._task, completed=done, total=done + left, said=said)
        elif now - self._reported >= self._report_seconds:
            self._reported = now
            print(f"firehose.agent: {sentence(flows, now - self._started)}", file=sys.stderr, flush=True)


def sentence(flows: Sequence[FlowStatus], seconds: float) -> str:
    lines = sum(flow.lines for flow in flows)
    words = [
        f"{sum(flow.files for flow in flows)} files",
        f"{lines:,} lines",
        f"{lines / max(seconds, 0.001):,.0f} lines/s",
        f"{sum(flow.lag_bytes for flow in flows):,} bytes behind",
        f"{sum(flow.retries for flow in flows):,} retries",
        f"{sum(flow.quarantined for flow in flows):,} quarantined",
    ]
    waiting = next((flow.waiting for flow in flows if flow.waiting), "")
    return ", ".join(words) + (f", waiting: {waiting}" if waiting else "")


def _bar() -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[said]}"),
        console=Console(stderr=True),
        transient=True,
    )
