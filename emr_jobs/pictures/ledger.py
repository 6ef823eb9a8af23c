"""Pictures of what became of every line, and how soon."""

import numpy as np
import pyarrow as pa
from matplotlib.figure import Figure

from contracts.order_line import Fate
from emr_jobs.pictures import style
from emr_jobs.pictures.columns import Floats, numbers, texts

_SPANS = {1: "1 min", 60: "1 hour", 1440: "1 day", 10_080: "1 week", 525_600: "1 year"}  # minutes
_SHORTEST = 0.5  # minutes that are drawn
_COLOURS = dict(zip(Fate, style.PALETTE, strict=True))


def by_hour(answer: pa.Table) -> Figure:
    """Lines by fate on top of each other; an hour without any has no bar."""
    axes = style.axes()
    hours = answer["hour"].to_pylist()
    below = np.zeros(len(hours))
    for fate in Fate:
        lines = numbers(answer, fate.value)
        if lines.any():
            axes.bar(hours, lines, 1 / 24, bottom=below, color=_COLOURS[fate], label=fate.value)
            below += lines
    axes.set_ylabel("lines landed")
    style.legend(axes)
    style.thousands(axes)
    style.dates(axes)
    return style.figure_of(axes)


def freshness(answer: pa.Table) -> Figure:
    axes = style.axes()
    hours = answer["hour"].to_pylist()
    axes.plot(hours, _minutes(answer, "longest"), ".", color=style.QUIET, label="the last object")
    axes.plot(hours, _minutes(answer, "median"), ".", color=style.ACCENT, label="half of the objects")
    axes.set_yscale("log")
    axes.set_ylim(_SHORTEST / 2, max(2 * 60.0, 2 * float(_minutes(answer, "longest").max())))
    axes.set_yticks(list(_SPANS), list(_SPANS.values()), minor=False)
    axes.minorticks_off()
    axes.set_ylabel("from S3 to the lake")
    style.legend(axes)
    style.dates(axes)
    return style.figure_of(axes)


def _minutes(answer: pa.Table, column: str) -> Floats:
    """What took no time at all has no place on a scale of tens."""
    return np.maximum(_SHORTEST, numbers(answer, column))


def rejects(answer: pa.Table) -> Figure:
    lines = numbers(answer, "lines")
    return style.bars(texts(answer, "reason"), list(lines), "lines", [f"{count:,.0f}" for count in lines])


DRAWN = {"ledger_by_hour": by_hour, "ledger_freshness": freshness, "rejects_by_reason": rejects}
