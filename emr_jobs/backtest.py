"""How good the model would have been: trained before a cut, judged by what was bought in the days after it.

`python -m emr_jobs.backtest FILE --cut DATE --days N`, without Spark and without AWS.
"""

import argparse
import csv
import json
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from contracts.lists import CUSTOMER_LISTS, DISCOVER, SHOWN_ENTRIES
from emr_jobs import baselines, evaluation, model, order_file, rankings
from emr_jobs.als.kernel import Ints
from emr_jobs.evaluation import Doubles, Interval, Truth
from emr_jobs.order_file import OrderFileError
from emr_jobs.orders import Orders, epoch
from emr_jobs.ratings import pairs
from emr_jobs.settings import Settings

JUDGED = "blend"  # what is compared with the others, customer by customer


class NothingToJudgeError(ValueError):
    """No known customer bought in the window."""


@dataclass(frozen=True, slots=True)
class Score:
    """One contender's figures for one list: means over seeds and customers."""

    contender: str
    list: str
    ndcg: float
    recall: float
    ours_minus_it: Interval


@dataclass(frozen=True, slots=True)
class Report:
    customers: int
    items: int
    judged: dict[str, int]  # customers, by list
    scores: list[Score]
    lists: dict[str, Ints]  # of the judged contender with the first seed
    known: Orders
    truths: dict[str, Truth]


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    try:
        orders, refused = order_file.read(options.file)
        report = backtest(orders, epoch(options.cut), options.days, options.seeds, Settings())
    except (OrderFileError, NothingToJudgeError, OSError) as error:
        print(f"backtest: {error}", file=sys.stderr)
        return 1
    if refused:
        counts = ", ".join(f"{count:,} {reason}" for reason, count in refused.most_common())
        print(f"lines refused: {counts}")
    _show(report)
    if options.json:
        figures = {"judged": report.judged, "scores": [asdict(score) for score in report.scores]}
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    if options.lists:
        _write_lists(report, options.lists)
    return 0


def backtest(orders: Orders, cut: int, days: float, seeds: int, settings: Settings) -> Report:
    known, window = evaluation.split(orders, cut, days)
    truths = _truths(known, window)
    figures: dict[tuple[str, str], list[tuple[Doubles, Doubles]]] = {}
    first: dict[str, Ints] = {}
    for seed in range(seeds):
        fitted = model.fit(known, cut, settings, seed)
        for contender, blend in baselines.contenders(fitted, settings).items():
            best = rankings.rank(blend, SHOWN_ENTRIES)
            if contender == JUDGED:
                first = first or best
            for name, truth in truths.items():
                figures.setdefault((contender, name), []).append(_judged(best[name], truth))
    judged = {name: len(truth.customers) for name, truth in truths.items()}
    return Report(len(known.customers), len(known.items), judged, _scores(figures), first, known, truths)


def _truths(known: Orders, window: Orders) -> dict[str, Truth]:
    bought = pairs(known)
    truths = {
        name: evaluation.truth(known, bought, window, novel=name == DISCOVER) for name in CUSTOMER_LISTS
    }
    for name, truth in truths.items():
        if not len(truth.customers):
            raise NothingToJudgeError(
                f"no customer of the {len(known):,} lines before the cut bought anything for {name} in the "
                f"{len(window):,} lines of the window: choose another --cut or more --days"
            )
    return truths


def _judged(best: Ints, truth: Truth) -> tuple[Doubles, Doubles]:
    return (
        evaluation.ndcg(best, truth, SHOWN_ENTRIES),
        evaluation.recall(best, truth, SHOWN_ENTRIES),
    )


def _scores(figures: dict[tuple[str, str], list[tuple[Doubles, Doubles]]]) -> list[Score]:
    means = {key: np.mean(seeds, axis=0) for key, seeds in figures.items()}
    return [
        Score(
            contender,
            name,
            float(ndcg.mean()),
            float(recall.mean()),
            evaluation.paired(means[JUDGED, name][0], ndcg),
        )
        for (contender, name), (ndcg, recall) in means.items()
    ]


def _show(report: Report) -> None:
    print(f"{report.customers:,} customers and {report.items:,} items are known at the cut")
    for name, judged in report.judged.items():
        table = Table(title=f"{name}: {judged:,} customers", title_justify="left", box=box.SIMPLE)
        table.add_column("ranked by", no_wrap=True)
        for heading in (f"NDCG@{SHOWN_ENTRIES}", f"recall@{SHOWN_ENTRIES}", f"the {JUDGED}'s lead"):
            table.add_column(heading, justify="right", no_wrap=True)
        for score in (score for score in report.scores if score.list == name):
            gain = score.ours_minus_it
            lead = f"{gain.mean:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]"
            lead = "" if score.contender == JUDGED else lead
            table.add_row(score.contender, f"{score.ndcg:.4f}", f"{score.recall:.4f}", lead)
        Console().print(table)


def _write_lists(report: Report, folder: Path) -> None:
    """customer,rank,item for every judged customer, a file for each list."""
    folder.mkdir(parents=True, exist_ok=True)
    customers, items = report.known.customers.to_pylist(), report.known.items.to_pylist()
    for name, best in report.lists.items():
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("customer", "rank", "item"))
            for row in report.truths[CUSTOMER_LISTS[0]].customers:
                shown = [items[item] for item in best[row] if item >= 0]
                writer.writerows((customers[row], rank, item) for rank, item in enumerate(shown, start=1))


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="backtest", description=__doc__.partition("\n")[0])
    parser.add_argument("file", type=Path, help="order lines, plain, .gz or .xz: a log, or Online Retail")
    parser.add_argument(
        "--cut", required=True, type=_day, help="learn from before this day (2011-11-25, UTC)"
    )
    parser.add_argument("--days", required=True, type=_positive, help="judge by so many days from the cut on")
    parser.add_argument("--seeds", type=_positive, default=3, help="how often to train (%(default)s)")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--lists", type=Path, help="also write for_you.csv and discover.csv into this folder")
    return parser.parse_args(arguments)


def _day(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no day such as 2011-11-25") from error


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no positive number")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
