"""Pictures of ratings, where the lake has some: see `cadabra study`."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import seaborn as sns
from matplotlib.figure import Figure

from emr_jobs.pictures import scales, style
from emr_jobs.pictures.columns import numbers, texts, written

_GENRES = 20  # that are drawn; the table has all
_LEAST = timedelta(days=180)  # of time that is shown


def top(answer: pa.Table) -> Figure:
    return _rated(answer, "bayesian", "Bayesian average")


def enough_votes(answer: pa.Table) -> Figure:
    return _rated(answer, "average", "average")


def by_year(answer: pa.Table) -> Figure:
    return _shares(answer, texts(answer, "year"), "year")


def by_genre(answer: pa.Table) -> Figure:
    return _shares(answer, texts(answer, "genre"), "")


def activity(answer: pa.Table) -> Figure:
    panels = style.axes(height=5.0, rows=2)
    for axes, column, colour in zip(panels, ("ratings", "users"), style.PALETTE, strict=False):
        months = answer["month"].to_pylist()
        style.spans(axes, months, numbers(answer, column), [_next(month) for month in months], colour)
        axes.set_title(f"{column} a month")
        scales.plain(axes.yaxis)
        scales.dates(axes, _LEAST)
    return style.figure_of(panels[-1])


def _next(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)


def _rated(answer: pa.Table, column: str, label: str) -> Figure:
    averages = numbers(answer, column)
    votes = zip(averages, numbers(answer, "votes"), strict=True)
    said = [f"{average:.2f}, {count:,.0f} votes" for average, count in votes]
    figure = style.bars(texts(answer, "title"), list(averages), label, said)
    figure.axes[0].set_xlim(0, float(averages.max(initial=0)) * 1.45 or 1)
    return figure


def _shares(answer: pa.Table, groups: list[str], label: str) -> Figure:
    """Each group's ratings as shares of all of it: a row each, from the lowest rating to the highest."""
    given = sorted(set(numbers(answer, "rating")))
    totals: dict[str, float] = {}
    for group, count in zip(groups, numbers(answer, "ratings"), strict=True):
        totals[group] = totals.get(group, 0) + count
    shown = sorted(sorted(totals, key=totals.__getitem__)[-_GENRES:])
    share = np.zeros((len(shown), len(given)))
    for group, rating, count in zip(
        groups, numbers(answer, "rating"), numbers(answer, "ratings"), strict=True
    ):
        if group in shown:
            share[shown.index(group), given.index(rating)] = 100 * count / totals[group]
    axes = style.axes(1.2 + style.ROW_INCHES * len(shown))
    labels = [written(rating) for rating in given]
    sns.heatmap(
        share,
        ax=axes,
        cmap=style.HEAT,
        annot=True,
        fmt=".0f",
        annot_kws={"fontsize": 8},
        yticklabels=shown,
        xticklabels=labels,
        cbar=False,
    )
    axes.tick_params(length=0, rotation=0)
    axes.set_xlabel("rating; figures are % of the row")
    axes.set_ylabel(label)
    return style.figure_of(axes)


# What it means that there is nothing to draw.
EMPTY = {
    "ratings_by_year": "No rating has a time.",
    "ratings_by_genre": "The items file names no genres.",
    "ratings_activity": "No rating has a time.",
}
DRAWN = {
    "ratings_top": top,
    "ratings_enough_votes": enough_votes,
    "ratings_by_year": by_year,
    "ratings_by_genre": by_genre,
    "ratings_activity": activity,
}
