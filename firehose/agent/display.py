"""The agent's status for a human: a progress bar on a terminal, a line now and then in a log."""

import sys
import time
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from firehose.agent.status import FlowStatus

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

RATE_SECONDS = 10.0  # over which lines/s is the mean: long enough to be read, short enough to be the present


class Rate:
    """Lines a second of late, not since the start: after a week nobody could see that they stopped."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])

    def of(self, lines: int, now: float) -> float:
        self._seen.append((now, lines))
        while len(self._seen) > 2 and now - self._seen[1][0] >= RATE_SECONDS:  # noqa: PLR2004 (a difference needs two)
            self._seen.popleft()
        then, before = self._seen[0]
        return (lines - before) / max(now - then, 0.001)


class Display:
    """Writes to stderr."""

    def __init__(self, report_seconds: float) -> None:
        self._report_seconds = report_seconds
        self._reported = time.monotonic()
        self._rate = Rate()
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._bar = _bar()
            self._bar.start()
            self._task = self._bar.add_task("", total=None, said="", waiting="")
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
            said = sentence(flows, self._rate.of(sum(flow.lines for flow in flows), now))
            self._bar.update(
                self._task, completed=done, total=done + left, said=said, waiting=waiting_for(flows)
            )
        elif now - self._reported >= self._report_seconds:
            self._reported = now
            said = sentence(flows, self._rate.of(sum(flow.lines for flow in flows), now))
            waiting = waiting_for(flows)
            print(f"firehose.agent: {said}{', ' if waiting else ''}{waiting}", file=sys.stderr, flush=True)


def sentence(flows: Sequence[FlowStatus], lines_per_second: float) -> str:
    files = sum(flow.files for flow in flows)
    words = [
        f"{files} file{'' if files == 1 else 's'}",
        f"{sum(flow.lines for flow in flows):,} lines",
        f"{lines_per_second:,.0f} lines/s",
        f"{sum(flow.lag_bytes for flow in flows):,} bytes behind",
        f"{sum(flow.retries for flow in flows):,} retries",
        f"{sum(flow.quarantined for flow in flows):,} quarantined",
    ]
    return ", ".join(words)


def waiting_for(flows: Sequence[FlowStatus]) -> str:
    """Why nothing can be shipped at present, or empty."""
    waiting = next((flow.waiting for flow in flows if flow.waiting), "")
    return f"waiting: {waiting}" if waiting else ""


def _bar() -> "Progress":
    from rich.console import Console, RenderableType
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
    from rich.text import Text

    class Lines(Progress):
        """What it waits for has a line of its own: beside the figures there is no room for it."""

        def get_renderables(self) -> "list[RenderableType]":
            waiting = [task.fields["waiting"] for task in self.tasks if task.fields["waiting"]]
            return [self.make_tasks_table(self.tasks), *(Text(said) for said in waiting)]

    return Lines(
        SpinnerColumn(),
        BarColumn(bar_width=12),
        TextColumn("{task.fields[said]}"),
        console=Console(stderr=True),
        transient=True,
    )
