"""How good the model would have been: trained before a cut, judged by what was bought in the days after it.

`cadabra backtest` runs it: `python -m emr_jobs.judging.backtest FILE --cut DATE --days N`, without AWS; with
--lake it reads the orders that ingest has stored.
"""

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from emr_jobs import progress
from emr_jobs.judging import comparison, order_file, plots, report, stored_orders
from emr_jobs.judging.comparison import STEPS, Comparison, NothingToJudgeError
from emr_jobs.judging.order_file import OrderFileError
from emr_jobs.judging.stored_orders import NoLakeError
from emr_jobs.orders import DAY_SECONDS, Orders, epoch
from emr_jobs.settings import Settings, SettingsError, from_file


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    try:
        settings = from_file(options.settings) if options.settings else Settings()
        for path in (options.json, options.lists, options.plots):
            place_for(path)
        weeks = walk(_orders(options), options, settings)
    except (OrderFileError, NoLakeError, NothingToJudgeError, SettingsError, OSError) as error:
        print(f"backtest: {error}", file=sys.stderr)
        return 1
    console = Console()
    report.show(weeks[-1], console)
    if len(weeks) > 1:
        report.show_weeks(weeks, console)
    if options.json:
        options.json.write_text(json.dumps(report.plain(weeks), indent=1) + "\n")
    if options.lists:
        report.write_lists(weeks[-1], options.lists)
    drawn = options.plots or options.lists
    for path in plots.write(weeks, drawn) if drawn else ():
        console.print(f"drawn: {path}")
    return 0


def walk(orders: Orders, options: argparse.Namespace, settings: Settings) -> list[Comparison]:
    """A comparison for each week's cut, the last at --cut; the earlier ones with one seed, if they can be."""
    found = []
    with progress.steps("judging", options.weeks * STEPS) as tell:
        for week in range(options.weeks - 1, -1, -1):
            cut = epoch(options.cut) - week * 7 * DAY_SECONDS
            seeds = options.seeds if week == 0 else 1
            try:
                found.append(comparison.compare(orders, cut, options.days, seeds, settings, tell))
            except NothingToJudgeError as error:
                if week == 0:
                    raise
                print(f"backtest: {week} weeks before --cut: {error}", file=sys.stderr)
    return found


def _orders(options: argparse.Namespace) -> Orders:
    if options.lake:
        return stored_orders.read()
    orders, refused = order_file.read(options.file)
    if refused:
        counts = ", ".join(f"{count:,} {reason}" for reason, count in refused.most_common())
        print(f"lines refused: {counts}")
    return orders


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="cadabra backtest", description=__doc__.partition("\n")[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "file", nargs="?", type=Path, help="order lines, plain, .gz or .xz: a log, or Online Retail"
    )
    source.add_argument("--lake", action="store_true", help="the orders that the lake holds")
    parser.add_argument(
        "--cut", required=True, type=day_of, help="learn from before this day (2011-11-25, UTC)"
    )
    parser.add_argument("--days", required=True, type=positive, help="judge by so many days from the cut on")
    parser.add_argument(
        "--weeks", type=positive, default=1, help="judge at so many weekly cuts (%(default)s)"
    )
    parser.add_argument("--seeds", type=positive, default=3, help="how often to train (%(default)s)")
    parser.add_argument("--settings", type=Path, help="a file that `cadabra tune` wrote (the defaults)")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--lists", type=Path, help="also write for_you.csv and discover.csv into this folder")
    parser.add_argument("--plots", type=Path, help="draw the figures into this folder, PNG (that of --lists)")
    return parser.parse_args(arguments)


def place_for(path: Path | None) -> None:
    """Make the folder of what is to be written: hours of judging shall not end in its absence."""
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)


def day_of(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no day such as 2011-11-25") from error


def positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no positive number")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
