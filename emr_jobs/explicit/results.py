"""What a study found, as a table, as a picture and as JSON."""

from collections.abc import Callable, Iterable
from io import BytesIO, StringIO
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from contracts.lists import SHOWN_ENTRIES
from emr_jobs.explicit.crossvalidation import Result, best_ranking, best_rating
from emr_jobs.explicit.models import BIASES

Best = Callable[[Iterable[float]], float]

OUR_COLOUR, OTHER_COLOUR = "#c2410c", "#94a3b8"
_INCHES = (8.0, 3.2)
_DRAWN = (("rmse", "RMSE of ratings", True), ("ndcg", f"NDCG@{SHOWN_ENTRIES} of lists", False))
# Its heading, how it is written, and which of them is best.
_FIGURES: dict[str, tuple[str, str, Best | None]] = {
    "rmse": ("RMSE", ".4f", min),
    "mae": ("MAE", ".4f", min),
    "ndcg": (f"NDCG@{SHOWN_ENTRIES}", ".4f", max),
    "recall": ("recall", ".4f", max),
    "coverage": ("items", ".0%", None),
    "novelty": ("bits", ".1f", None),
}
_SAID = "items: how many of them any list shows; bits: how surprising an entry is"


def table(results: list[Result], parts: int) -> Table:
    """Fits 80 columns; the best of each figure is bold."""
    judged = len(results[0].scores)
    title = f"{judged} of {parts} parts held out in turn; ± between parts"
    made = Table(title=title, title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
    made.add_column("model", no_wrap=True)
    for heading in (*(heading for heading, *_ in _FIGURES.values()), "s"):
        made.add_column(heading, justify="right", no_wrap=True)
    for result in results:
        cells = [_cell(result, figure, results) for figure in _FIGURES]
        made.add_row(result.model, *cells, f"{result.seconds:.0f}")
    return made


def text(results: list[Result], parts: int) -> str:
    """The table as plain lines, and what to read from it."""
    drawn = StringIO()
    console = Console(width=80, file=drawn)
    console.print(table(results, parts))
    console.print(_SAID)
    for result in results:
        console.print(f"{result.model}: {result.settings}", highlight=False)
    return "\n".join(line.rstrip() for line in drawn.getvalue().splitlines())


def advice(results: list[Result]) -> str:
    """Whom to believe: of ratings, and of lists."""
    rating, ranking = best_rating(results), best_ranking(results)
    alone = next(result for result in results if result.model == BIASES)
    error, bare = (f"{result.mean('rmse'):.4f}" for result in (rating, alone))
    stars = (
        f"ratings are foretold best by the {rating.model} (RMSE {error}; {BIASES} {bare})"
        if error != bare
        else f"no model foretells ratings better than the {BIASES} (RMSE {bare})"
    )
    if ranking.mean("ndcg") is None:
        unjudged = "nobody liked what was held out, so lists are not judged"
        return f"{stars}; {unjudged}: they are by the {ranking.model}"
    return f"{stars}, lists are made best by the {ranking.model}"


def picture(results: list[Result]) -> bytes:
    """Errors on the left, where less is better, found items on the right, where more is. PNG."""
    from matplotlib.figure import Figure  # drawn without a window

    figure = Figure(_INCHES, layout="constrained")
    sides = figure.subplots(1, 2, sharey=True)
    for axes, (name, heading, least) in zip(sides, _DRAWN, strict=True):
        _points(axes, results[::-1], name, least=least)
        axes.set_title(f"{heading}: {'less' if least else 'more'} is better", loc="left", fontsize=11)
    sides[0].set_yticks(range(len(results)), [result.model for result in results[::-1]])
    sides[0].set_ylim(-0.6, len(results) - 0.3)
    drawn = BytesIO()
    figure.savefig(drawn, format="png", dpi=130, metadata={"Software": None})
    return drawn.getvalue()


def _points(axes: Any, results: list[Result], name: str, *, least: bool) -> None:
    """A point for each model, with the spread between the parts; the best in our colour."""
    found = {place: mean for place, one in enumerate(results) if (mean := one.mean(name)) is not None}
    best = (min if least else max)(found.values(), default=0.0)
    for place, mean in found.items():
        colour = OUR_COLOUR if mean == best else OTHER_COLOUR
        axes.errorbar(mean, place, xerr=results[place].spread(name), fmt="o", color=colour, capsize=3)
        above = {"xytext": (0, 7), "textcoords": "offset points", "ha": "center", "fontsize": 9}
        axes.annotate(f"{mean:.3f}", (mean, place), **above)
    axes.margins(x=0.15)
    if not least:
        axes.set_xlim(left=0)
    axes.grid(axis="x", color="#e2e8f0")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9)


def _cell(result: Result, figure: str, results: list[Result]) -> str:
    mean = result.mean(figure)
    if mean is None:
        return "-"
    others = [other for one in results if (other := one.mean(figure)) is not None]
    _, form, best = _FIGURES[figure]
    spread = f" ±{result.spread(figure):.3f}" if figure == "rmse" and len(result.scores) > 1 else ""
    text = f"{mean:{form}}{spread}"
    return f"[bold]{text}[/]" if best and mean == best(others) else text
