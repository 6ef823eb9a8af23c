"""Pictures of what became of every line, and how soon."""

from datetime import timedelta

import numpy as np
import pyarrow as pa
from matplotlib.figure import Figure

from contracts.order_line import Fate
from emr_jobs.pictures import scales, style
from emr_jobs.pictures.columns import Floats, numbers, texts

_SPANS = {1: "1 min", 60: "1 hour", 1440: "1 day", 10_080: "1 week", 525_600: "1 year"}  # minutes
_LEAST = timedelta(hours=12)  # of time that is shown: a lake may be an hour old
_SHORTEST = 0.5  # minutes that are drawn
_DELAYS = (
    ("longest", style.QUIET, "the last object"),
    ("median", style.ACCENT, "half of the objects"),
)
_COLOURS = dict(zip(Fate, style.PALETTE, strict=True))


def by_hour(answer: pa.Table) -> Figure:
    """Lines by fate on top of each other; an hour without any has no bar."""
    axes = style.axes()
    hours = answer["hour"].to_pylist()
    below = np.zeros(len(hours))
    for fate in Fate:
        lines = numbers(answer, fate.value)
        if lines.any():
            axes.bar(hours, lines, 1 / 24, align="edge", bottom=below, color=_COLOURS[fate], label=fate.value)
            below += lines
    axes.set_ylabel("lines landed")
    style.legend(axes)
    scales.plain(axes.yaxis)
    scales.dates(axes, _LEAST)
    return style.figure_of(axes)


def freshness(answer: pa.Table) -> Figure:
    axes = style.axes()
    hours = answer["hour"].to_pylist()
    for column, colour, said in _DELAYS:
        axes.plot(hours, _minutes(answer, column), "o", markersize=4, color=colour, label=said)
    axes.set_yscale("log")
    top = max(2 * 60.0, 2 * float(_minutes(answer, "longest").max()))
    spans = {minutes: said for minutes, said in _SPANS.items() if minutes < top}
    axes.set_yticks(list(spans), list(spans.values()), minor=False)
    axes.set_ylim(_SHORTEST / 2, top)
    axes.minorticks_off()
    axes.set_ylabel("from S3 to the lake")
    style.legend(axes)
    scales.dates(axes, _LEAST)
    return style.figure_of(axes)


def _minutes(answer: pa.Table, column: str) -> Floats:
    """What took no time at all has no place on a scale of tens."""
    return np.maximum(_SHORTEST, numbers(answer, column))


def rejects(answer: pa.Table) -> Figure:
    lines = numbers(answer, "lines")
    return style.bars(texts(answer, "reason"), list(lines), "lines", [f"{count:,.0f}" for count in lines])


DRAWN = {"ledger_by_hour": by_hour, "ledger_freshness": freshness, "rejects_by_reason": rejects}
