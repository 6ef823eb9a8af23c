"""How every picture looks: one size, one hand, legible on a phone and in print."""

from contextlib import AbstractContextManager
from datetime import date
from io import BytesIO
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from emr_jobs.pictures import scales
from emr_jobs.pictures.columns import Floats

INK, QUIET, RULE = "#1e293b", "#94a3b8", "#e2e8f0"
ACCENT, SECOND, GOOD, BAD = "#c2410c", "#0f766e", "#15803d", "#b91c1c"
PALETTE = (ACCENT, SECOND, "#1d4ed8", "#a16207", "#7e22ce", "#be185d", QUIET)
HEAT = "rocket_r"
WIDTH_INCHES, HEIGHT_INCHES = 6.4, 4.0  # so narrow that a phone need not shrink the letters to nothing
ROW_INCHES = 0.27  # of a bar with its name
DOTS_PER_INCH = 160
_SETTINGS: dict[str, Any] = {
    "font.size": 11,
    "font.family": "DejaVu Sans",  # matplotlib's own: the same on every machine
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "text.parse_math": False,  # what an item is called is no formula, whatever dollars it has
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 10,
}


def drawing() -> AbstractContextManager[None]:
    """Everything drawn within has this look."""
    return mpl.rc_context(_SETTINGS)  # type: ignore[arg-type]  # it wants every key as a literal


def axes(height: float = HEIGHT_INCHES, rows: int = 1) -> Any:
    """New axes in a figure of their own, or as many below each other; drawn without a window."""
    return Figure((WIDTH_INCHES, height), layout="constrained").subplots(rows, 1)


def bars(names: list[str], values: list[float], label: str, said: list[str]) -> Figure:
    """Bars with the longest on top, each with what is said of it at its end."""
    drawn = axes(0.9 + ROW_INCHES * len(names))
    places = range(len(names), 0, -1)
    drawn.barh(places, values, color=ACCENT, height=0.72)
    drawn.set_yticks(places, [short(name) for name in names], fontsize=9)
    for place, value, text in zip(places, values, said, strict=True):
        drawn.annotate(
            text, (value, place), xytext=(4, 0), textcoords="offset points", va="center", fontsize=9
        )
    drawn.set_xlim(0, max([*values, 0.0]) * 1.18 or 1)
    drawn.set_xlabel(label)
    scales.plain(drawn.xaxis)
    drawn.set_ylim(0.4, len(names) + 0.6)
    drawn.tick_params(axis="y", length=0)
    return figure_of(drawn)


def short(name: str, letters: int = 28) -> str:
    return name if len(name) <= letters else name[: letters - 1].rstrip() + "…"


def figure_of(drawn: Axes) -> Figure:
    figure = drawn.get_figure()
    assert figure is not None  # noqa: S101 (axes are made with one)
    return figure  # type: ignore[return-value]  # none of ours is a SubFigure


def legend(drawn: Axes) -> None:
    """Above the picture: there it covers nothing."""
    drawn.legend(ncols=4, loc="lower left", bbox_to_anchor=(0, 1))


def spans(drawn: Axes, starts: list[date], values: Floats, ends: list[date], colour: str) -> None:
    """What each week or month has, as wide as it is long: the last is seen too, and a gap stays a gap."""
    lengths = [(end - start).days for start, end in zip(starts, ends, strict=True)]
    drawn.bar(starts, values, lengths, align="edge", color=colour, alpha=0.85)  # type: ignore[arg-type]  # dates
    drawn.set_ylim(bottom=0)


def png(figure: Figure) -> bytes:
    """The same picture gives the same bytes: no date stands in it."""
    drawn = BytesIO()
    figure.savefig(drawn, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    return drawn.getvalue()
