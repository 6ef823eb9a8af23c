"""What a backtest found: as tables, as JSON, and the lists themselves as CSV."""

import csv
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from contracts.lists import CUSTOMER_LISTS, FOR_YOU, SHOWN_ENTRIES
from emr_jobs.judging import comparison, evaluation
from emr_jobs.judging.comparison import OURS, Comparison
from emr_jobs.judging.evaluation import Interval


@dataclass(frozen=True, slots=True)
class Score:
    """One contender's figures for one list: means over seeds and customers."""

    contender: str
    list: str
    ndcg: float
    recall: float
    coverage: float  # of the items
    novelty: float  # bits of surprise an entry
    ours_minus_it: Interval


def scores(found: Comparison) -> list[Score]:
    return [
        Score(
            contender,
            name,
            float(ndcg.mean()),
            float(found.recall[contender, name].mean()),
            *comparison.spread_of(found, contender, name),
            evaluation.paired(found.ndcg[OURS, name], ndcg),
        )
        for (contender, name), ndcg in found.ndcg.items()
    ]


def by_segment(found: Comparison) -> dict[str, dict[str, float]]:
    """NDCG of for_you by kind of customer, with their number."""
    parts = {name: chosen for name, chosen in comparison.segments(found).items() if chosen.any()}
    figures = {
        contender: {name: float(ndcg[chosen].mean()) for name, chosen in parts.items()}
        for (contender, list_), ndcg in found.ndcg.items()
        if list_ == FOR_YOU
    }
    return {"customers": {name: float(chosen.sum()) for name, chosen in parts.items()}} | figures


def show(found: Comparison, console: Console) -> None:
    console.print(
        f"{len(found.known.customers):,} customers and {len(found.known.items):,} items are known "
        f"on {day(found)}"
    )
    console.print(f"{OURS}: {found.ranker}")
    console.print("items: how many of them any list shows; bits: how surprising an entry is")
    for name in found.truths:
        console.print(_figures(found, name))
    console.print(_segments(found))


def show_weeks(weeks: list[Comparison], console: Console) -> None:
    """Each contender's NDCG by cut."""
    for name in CUSTOMER_LISTS:
        table = _table(f"{name}, NDCG@{SHOWN_ENTRIES} by cut", *map(day, weeks))
        for contender in weeks[-1].lists:
            figures = (week.ndcg.get((contender, name)) for week in weeks)
            table.add_row(contender, *("" if ndcg is None else f"{ndcg.mean():.4f}" for ndcg in figures))
        console.print(table)


def plain(weeks: list[Comparison]) -> dict[str, Any]:
    """The figures as JSON: those of the last cut, and the means by cut."""
    last = weeks[-1]
    return {
        "cut": day(last),
        "ranker": last.ranker,
        "judged": {name: len(truth.customers) for name, truth in last.truths.items()},
        "scores": [asdict(score) for score in scores(last)],
        "segments": by_segment(last),
        "weeks": [
            {"cut": day(week), "contender": contender, "list": name, "ndcg": float(ndcg.mean())}
            for week in weeks
            for (contender, name), ndcg in week.ndcg.items()
        ],
    }


def write_lists(found: Comparison, folder: Path) -> None:
    """customer,rank,item for every judged customer, a file for each list."""
    folder.mkdir(parents=True, exist_ok=True)
    customers, items = found.known.customers.to_pylist(), found.known.items.to_pylist()
    for name, best in found.lists[OURS].items():
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("customer", "rank", "item"))
            for row in found.truths[FOR_YOU].customers:
                shown = [items[item] for item in best[row] if item >= 0]
                writer.writerows((customers[row], rank, item) for rank, item in enumerate(shown, start=1))


def day(found: Comparison) -> str:
    return f"{datetime.fromtimestamp(found.cut, UTC):%Y-%m-%d}"


def _figures(found: Comparison, name: str) -> Table:
    judged = len(found.truths[name].customers)
    headings = (f"NDCG@{SHOWN_ENTRIES}", "recall", "items", "bits", "our lead")
    table = _table(f"{name}: {judged:,} customers", *headings)
    for score in (score for score in scores(found) if score.list == name):
        gain = score.ours_minus_it
        lead = f"{gain.mean:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]"
        figures = (
            f"{score.ndcg:.4f}",
            f"{score.recall:.3f}",
            f"{score.coverage:.0%}",
            f"{score.novelty:.1f}",
        )
        table.add_row(score.contender, *figures, "" if score.contender == OURS else lead)
    return table


def _segments(found: Comparison) -> Table:
    rows = by_segment(found)
    counts = rows.pop("customers")
    table = _table(f"{FOR_YOU} by customer", *(f"{name} ({count:,.0f})" for name, count in counts.items()))
    for contender, figures in rows.items():
        table.add_row(contender, *(f"{figure:.4f}" for figure in figures.values()))
    return table


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("ranked by", no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table
