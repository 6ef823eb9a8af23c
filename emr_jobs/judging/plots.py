"""A backtest's pictures, PNG: each list's NDCG by contender with its interval, and by week."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from contracts.lists import CUSTOMER_LISTS, SHOWN_ENTRIES
from emr_jobs.judging import evaluation
from emr_jobs.judging.comparison import OURS, Comparison
from emr_jobs.pictures import line_names

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OUR_COLOUR, OTHER_COLOUR = "#c2410c", "#94a3b8"
_WIDTH_INCHES, _HEIGHT_INCHES = 6.4, 4.2
_NAME_POINTS = 9.5  # legible on a phone, which shrinks the picture to half
_NAME_INCHES = 1.35 * _NAME_POINTS / 72  # of height, with the room between two names
_FRAME_INCHES = 0.8  # of height, for the title and the days
_DAYS = 8  # that fit beside each other
# Of those that are not ours; a second round of the colours is dashed.
_COLOURS = ("#1d4ed8", "#0f766e", "#7e22ce", "#a16207", "#475569")
_DASHES = ("-", (0, (4, 2)), (0, (1, 1.5)))


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
    """A line for each contender over the cuts, with its name at its end."""
    means = {contender: _means(weeks, contender, name) for contender in weeks[-1].lists}
    height = max(_HEIGHT_INCHES, _FRAME_INCHES + _NAME_INCHES * len(means))
    figure, axes = _figure(f"{name}: NDCG@{SHOWN_ENTRIES} by the day learnt up to", height)
    days = [datetime.fromtimestamp(week.cut, UTC) for week in weeks]
    looks = _looks(list(means))
    for contender, drawn in means.items():
        axes.plot(days, drawn, marker="o", markersize=3, **looks[contender])
    axes.set_ylim(bottom=0)
    _name_lines(axes, days[-1], {contender: drawn[-1] for contender, drawn in means.items()}, looks)
    shown = days[:: -(-len(days) // _DAYS)]
    axes.set_xticks(shown, [f"{day:%-d %b}" for day in shown])
    return figure


def _means(weeks: list[Comparison], contender: str, name: str) -> list[float]:
    """By week; nan where it did not stand in that one."""
    return [float(np.mean(week.ndcg.get((contender, name), np.nan))) for week in weeks]


def _looks(contenders: list[str]) -> dict[str, dict[str, Any]]:
    """Ours is the strongest line and lies over the others."""
    others = [contender for contender in contenders if contender != OURS]
    looks: dict[str, dict[str, Any]] = {}
    for place, contender in enumerate(others):
        dashes, colour = divmod(place, len(_COLOURS))
        dash = _DASHES[dashes % len(_DASHES)]
        looks[contender] = {"color": _COLOURS[colour], "linestyle": dash, "linewidth": 1.2, "zorder": 2}
    return looks | {OURS: {"color": OUR_COLOUR, "linewidth": 2.6, "zorder": 3}}


def _name_lines(axes: Any, last: datetime, ends: Mapping[str, float], looks: Mapping[str, Any]) -> None:
    """Outside the axes, where nothing is drawn, each tied to its line's end."""
    top = axes.get_ylim()[1]
    inches = axes.get_figure().get_figheight() - _FRAME_INCHES
    places = line_names.spread(list(ends.values()), top * _NAME_INCHES / inches, 0.0, top)
    for (contender, end), place in zip(ends.items(), places, strict=True):
        colour = looks[contender]["color"]
        axes.annotate(
            contender,
            (last, end),
            xytext=(1.03, place),
            textcoords=axes.get_yaxis_transform(),
            annotation_clip=False,
            va="center",
            fontsize=_NAME_POINTS,
            fontweight="bold" if contender == OURS else "normal",
            color=colour,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.6, "relpos": (0, 0.5)},
        )


def _figure(title: str, height: float = _HEIGHT_INCHES) -> tuple["Figure", Any]:
    from matplotlib.figure import Figure  # drawn without a window

    figure = Figure((_WIDTH_INCHES, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9)
    return figure, axes
