"""A backtest's pictures, PNG: each list's NDCG by contender with its interval, and by week."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from contracts.lists import CUSTOMER_LISTS, SHOWN_ENTRIES
from emr_jobs.judging import evaluation
from emr_jobs.judging.comparison import OURS, Comparison

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OUR_COLOUR, OTHER_COLOUR = "#c2410c", "#94a3b8"
_INCHES = (6.4, 4.2)
_LABELS = 26  # that fit above each other


def write(weeks: list[Comparison], folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    figures = {f"{name}_by_model": by_model(weeks[-1], name) for name in CUSTOMER_LISTS}
    if len(weeks) > 1:
        figures |= {f"{name}_by_week": by_week(weeks, name) for name in CUSTOMER_LISTS}
    for name, figure in figures.items():
        figure.savefig(folder / f"{name}.png", dpi=130)
    return [folder / f"{name}.png" for name in figures]


def by_model(found: Comparison, name: str) -> "Figure":
    """Bars, the best on top; the whiskers are 95 % of resamples of the customers."""
    means = {contender: ndcg for (contender, list_), ndcg in found.ndcg.items() if list_ == name}
    names = sorted(means, key=lambda contender: means[contender].mean())
    nothing = np.zeros(len(means[OURS]))
    intervals = [evaluation.paired(means[contender], nothing) for contender in names]
    figure, axes = _figure(f"{name}: NDCG@{SHOWN_ENTRIES}, {len(nothing):,} customers")
    middle = np.array([interval.mean for interval in intervals])
    whiskers = np.array([(i.mean - i.low, i.high - i.mean) for i in intervals]).T
    colours = [OUR_COLOUR if contender == OURS else OTHER_COLOUR for contender in names]
    axes.barh(names, middle, color=colours, xerr=whiskers, error_kw={"elinewidth": 1, "ecolor": "#334155"})
    for place, interval in enumerate(intervals):
        axes.text(interval.high + 0.004, place, f"{interval.mean:.3f}", va="center", fontsize=9)
    axes.set_xlim(0, max(interval.high for interval in intervals) * 1.12)
    return figure


def by_week(weeks: list[Comparison], name: str) -> "Figure":
    """A line for each contender over the cuts."""
    figure, axes = _figure(f"{name}: NDCG@{SHOWN_ENTRIES} by the day learnt up to")
    days = [datetime.fromtimestamp(week.cut, UTC) for week in weeks]
    labels = []
    for contender in weeks[-1].lists:
        drawn = [week.ndcg.get((contender, name)) for week in weeks]
        means = [np.nan if ndcg is None else float(ndcg.mean()) for ndcg in drawn]
        ours = contender == OURS
        axes.plot(
            days,
            means,
            marker="o",
            markersize=3,
            color=OUR_COLOUR if ours else OTHER_COLOUR,
            linewidth=2.2 if ours else 1,
        )
        labels.append((means[-1], contender))
    axes.set_ylim(bottom=0)
    _name_lines(axes, days[-1], labels)
    axes.set_xticks(days, [f"{day:%-d %b}" for day in days])
    return figure


def _name_lines(axes: Any, last: datetime, labels: list[tuple[float, str]]) -> None:
    """Each line's name at its end, moved up where two would cover each other."""
    apart = axes.get_ylim()[1] / _LABELS
    place = -apart
    for value, contender in sorted(labels):
        place = max(value, place + apart)
        axes.annotate(
            contender,
            (last, place),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=OUR_COLOUR if contender == OURS else "#475569",
        )


def _figure(title: str) -> tuple["Figure", Any]:
    from matplotlib.figure import Figure  # drawn without a window

    figure = Figure(_INCHES, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9)
    return figure, axes
