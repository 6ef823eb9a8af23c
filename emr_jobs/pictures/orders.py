"""The shop's own pictures, each of the answer to the question of its name in emr_jobs/analyses."""

from datetime import timedelta

import numpy as np
import pyarrow as pa
import seaborn as sns
from matplotlib.figure import Figure

from emr_jobs.pictures import scales, style
from emr_jobs.pictures.columns import numbers, texts

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_HOURS = 24
_WEEK = timedelta(days=7)
_COUNTRIES = 12  # that are drawn; the table has all


def by_hour(answer: pa.Table) -> Figure:
    """Sales above, customers below; an hour of the week in which nothing is ever ordered stays white."""
    panels = style.axes(height=5.2, rows=2)
    for axes, column in zip(panels, ("sales", "customers"), strict=True):
        week = np.full((len(_DAYS), _HOURS), np.nan)
        at = numbers(answer, "weekday").astype(int), numbers(answer, "hour").astype(int)
        week[at] = numbers(answer, column)
        sns.heatmap(week, ax=axes, vmin=0, cmap=style.HEAT, linewidths=0.4, yticklabels=_DAYS, xticklabels=3)
        scales.plain(axes.collections[0].colorbar.ax.yaxis)
        axes.set_title(column)
        axes.tick_params(length=0, rotation=0)
    panels[-1].set_xlabel("hour, UTC")
    return style.figure_of(panels[-1])


def by_week(answer: pa.Table) -> Figure:
    panels = style.axes(height=5.0, rows=2)
    for axes, column, colour in zip(panels, ("sales", "customers"), style.PALETTE, strict=False):
        weeks = answer["week"].to_pylist()
        style.spans(axes, weeks, numbers(answer, column), [week + _WEEK for week in weeks], colour)
        axes.set_title(column)
        scales.plain(axes.yaxis)
        scales.dates(axes, 4 * _WEEK)
    return style.figure_of(panels[-1])


def best_sellers(answer: pa.Table) -> Figure:
    customers = numbers(answer, "customers")
    sales = [f"{number:,.0f}" for number in customers]
    return style.bars(texts(answer, "name"), list(customers), "customers who bought it", sales)


def risers(answer: pa.Table) -> Figure:
    steps = zip(numbers(answer, "before"), numbers(answer, "invoices"), strict=True)
    said = [f"{before:.0f} → {after:.0f}" for before, after in steps]
    rises = list(numbers(answer, "rise"))
    return style.bars(texts(answer, "name"), rises, "times the fortnight before", said)


def baskets(answer: pa.Table) -> Figure:
    axes = style.axes()
    axes.bar(numbers(answer, "items"), numbers(answer, "baskets"), color=style.ACCENT, width=0.85)
    axes.set_xlim(0.4, max(10.0, numbers(answer, "items").max()) + 0.6)
    axes.set_xlabel("different items in a basket (50: and more)")
    axes.set_ylabel("baskets")
    scales.plain(axes.yaxis)
    return style.figure_of(axes)


def repeats(answer: pa.Table) -> Figure:
    axes = style.axes()
    axes.plot(answer["month"].to_pylist(), numbers(answer, "share"), color=style.ACCENT, marker="o")
    scales.shares(axes)
    axes.set_ylabel("bought before, by the same customer")
    scales.dates(axes, 13 * _WEEK)
    return style.figure_of(axes)


def returns(answer: pa.Table) -> Figure:
    share = numbers(answer, "share") * 100
    back, sold = numbers(answer, "returned"), numbers(answer, "sold")
    said = [f"{one:,.0f} of {of:,.0f}" for one, of in zip(back, sold, strict=True)]
    return style.bars(texts(answer, "name"), list(share), "% of the pieces sold came back", said)


def countries(answer: pa.Table) -> Figure:
    """On a scale of tens: a shop's own country dwarfs all others."""
    top = answer.slice(0, _COUNTRIES)
    said = [f"{number:,.0f} customers" for number in numbers(top, "customers")]
    sales = np.maximum(1.0, numbers(top, "sales"))  # nothing has no place on such a scale
    figure = style.bars(texts(top, "country"), list(sales), "sales, scale of tens", said)
    axes = figure.axes[0]
    scales.tens(axes)
    axes.set_xlim(sales.min() / 3, sales.max() * 8)
    return figure


def cohorts(answer: pa.Table) -> Figure | None:
    """A row for each month's newcomers; the first month, of which all are, is left out."""
    months = sorted(set(answer["cohort"].to_pylist()))
    later = numbers(answer, "later").astype(int)
    if not later.any():
        return None
    share = np.full((len(months), int(later.max()) + 1), np.nan)
    share[[months.index(month) for month in answer["cohort"].to_pylist()], later] = numbers(answer, "share")
    axes = style.axes(1.4 + style.ROW_INCHES * len(months))
    names = [f"{month:%b %Y}" for month in months]
    labels = range(1, share.shape[1])
    sns.heatmap(
        share[:, 1:] * 100,
        vmin=0,
        vmax=max(1.0, np.nanmax(share[:, 1:]) * 100),
        ax=axes,
        cmap=style.HEAT,
        annot=True,
        fmt=".0f",
        annot_kws={"fontsize": 8},
        yticklabels=names,
        xticklabels=labels,
        cbar=False,
    )
    axes.tick_params(length=0, rotation=0)
    axes.set_xlabel("% of them who ordered so many months later")
    return style.figure_of(axes)


# What it means that there is nothing to draw.
EMPTY = {"orders_cohorts": "Nobody has ordered in a later month than their first yet."}
DRAWN = {
    "orders_by_hour": by_hour,
    "orders_by_week": by_week,
    "orders_best_sellers": best_sellers,
    "orders_risers": risers,
    "orders_baskets": baskets,
    "orders_repeats": repeats,
    "orders_returns": returns,
    "orders_countries": countries,
    "orders_cohorts": cohorts,
}
