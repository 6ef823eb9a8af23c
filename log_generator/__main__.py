"""The command line: python -m log_generator shop | replay | backfill."""

import argparse
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from contracts.order_line import FUTURE_ALLOWANCE, RefusedLineError, parse_time, split_event_id
from log_generator.backfill import backfill
from log_generator.catalogue import MAX_ITEMS, MIN_ITEMS
from log_generator.dirt import MAX_RATE
from log_generator.errors import GeneratorError, RequestError
from log_generator.log_files import Rotation
from log_generator.opening import Opening, run_shop
from log_generator.order_file import survey
from log_generator.pace import stopping_on_signals
from log_generator.progress import progress
from log_generator.replay import Replay, run_replay
from log_generator.tally import Tally
from log_generator.traffic import DAY_S, HOUR_S
from log_generator.truth import save_truth

_WEEK_S = 7 * DAY_S
_DEFAULT_WEEKS = 10.0
_STOPPED = 130  # as a shell says it of a run that was interrupted


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (GeneratorError, OSError) as error:
        print(f"log_generator {options.command}: {error}", file=sys.stderr)
        return 1


def _shop(options: argparse.Namespace) -> int:
    length_s = options.hours * HOUR_S if options.hours else (options.weeks or 0) * _WEEK_S
    lines = options.lines
    if options.rate and length_s and lines is None:
        lines = max(1, round(options.rate * length_s))
    end = options.end or time.time()
    if end > time.time() + FUTURE_ALLOWANCE.total_seconds():
        print("shop: --end lies ahead, and ingest rejects orders from the future", file=sys.stderr)
    opening = Opening(
        folder=options.out,
        end=int(end),
        window_s=int(length_s or _DEFAULT_WEEKS * _WEEK_S),
        lines=lines,
        lines_per_s=options.rate,
        seed=options.seed,
        source=options.source,
        dirt=options.dirt,
        customers=options.customers,
        items=options.items,
        rotation=_rotation(options),
    )
    wanted = None if options.rate and lines is None else opening.size_lines
    began = time.perf_counter()
    with (
        stopping_on_signals() as stop,
        progress("orders", wanted) as advance,
    ):
        tally, shop = run_shop(opening, stop, advance)
    if options.truth:
        save_truth(options.truth, shop.catalogue, shop.customers)
    return _report(tally, options.json, began, stopped=stop.is_set() and wanted is not None)


def _report(tally: Tally, path: Path | None, began: float, *, stopped: bool) -> int:
    if path:
        tally.save(path)
    print(f"{tally.sentence()} ({tally.lines / (time.perf_counter() - began):,.0f} lines/s)")
    if stopped:
        print("stopped early; the same command goes on from here", file=sys.stderr)
    return _STOPPED if stopped else 0


def _rotation(options: argparse.Namespace) -> Rotation:
    return Rotation(options.rotate_bytes, options.rotate == "hour", options.copytruncate)


def _replay(options: argparse.Namespace) -> int:
    replay = Replay(
        folder=options.out,
        shifted=options.shifted,
        lines=options.lines,
        lines_per_s=options.rate,
        rotation=_rotation(options),
    )
    began = time.perf_counter()
    orders = survey(options.file)
    with stopping_on_signals() as stop, progress("lines", options.lines or orders.lines) as advance:
        tally = run_replay(replay, orders, stop, advance)
    return _report(tally, options.json, began, stopped=stop.is_set())


def _backfill(options: argparse.Namespace) -> int:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    orders = survey(options.file)
    weeks = orders.weeks_until(datetime.now(UTC)) if options.shifted else 0
    try:
        with progress("lines", orders.lines) as advance, closing(boto3.client("s3")) as s3:
            done = backfill(orders, weeks, s3, options.bucket, advance)
    except (BotoCoreError, ClientError) as error:
        raise RequestError(f"bucket {options.bucket}: {error}. What is there stays; run it again") from error
    if options.json:
        done.tally.save(options.json)
    print(done.sentence())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m log_generator",
        description="A shop that writes order logs: simulated, or from a real order file.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    _add_shop(commands)
    _add_replay(commands)
    _add_backfill(commands)
    return parser


def _add_shop(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    about = (
        "a simulated shop: catalogue.csv and order logs; a later run into the folder goes on with its shop"
    )
    shop = commands.add_parser("shop", help="a simulated shop", description=about)
    shop.set_defaults(run=_shop)
    add = shop.add_argument
    add(
        "--lines",
        type=_count,
        metavar="N",
        help="exactly so many lines in all (default 100,000; at a rate: until stopped)",
    )
    length = shop.add_mutually_exclusive_group()
    length.add_argument(
        "--weeks",
        type=_positive,
        metavar="W",
        help=f"of simulated time (default {_DEFAULT_WEEKS:g}), or of real time",
    )
    length.add_argument("--hours", type=_positive, metavar="H", help="the same in hours")
    add("--end", type=_moment, metavar="ISO|now", help="when the simulated clock ends (default now)")
    add("--seed", type=_seed, metavar="S", help="all follows from it (default 1, or the folder's own)")
    add(
        "--source",
        type=_source,
        metavar="NAME",
        help="first part of every event id (default: a name of its own for each shop)",
    )
    add(
        "--dirt",
        type=_dirt,
        default=1.0,
        metavar="RATE",
        help="0 for a clean log, 1 as in real ones (default), 5 for five times as much",
    )
    add("--customers", type=_count, metavar="N", help="instead of as many as fit the lines")
    add("--items", type=_items, metavar="N", help="instead of as many as fit the lines")
    add("--truth", type=Path, metavar="FILE", help="write the hidden tastes, as JSON")
    _add_log_options(shop)


def _add_replay(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    about = "a real order file as a server would have logged it; a later run goes on where this one ends"
    replay = commands.add_parser("replay", help="a real order file, as logs", description=about)
    replay.set_defaults(run=_replay)
    _add_file_options(replay)
    replay.add_argument("--lines", type=_count, metavar="N", help="at most so many lines in this run")
    _add_log_options(replay)


def _add_backfill(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    about = "a real order file straight into the S3 hours of its orders; repeating it doubles nothing"
    command = commands.add_parser("backfill", help="a real order file, into S3", description=about)
    command.set_defaults(run=_backfill)
    _add_file_options(command)
    command.add_argument("--bucket", required=True, metavar="B")
    _add_json_option(command)


def _add_file_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="such as the public Online Retail CSV; may be gz, xz or bz2"
    )
    parser.add_argument(
        "--shifted",
        action="store_true",
        help="times moved by whole weeks, as near to now as it goes (default: kept)",
    )


def _add_log_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="DIR", help="the log folder")
    add("--rate", type=_positive, metavar="LINES_PER_S", help="in real time (default: as fast as it goes)")
    rotate = parser.add_mutually_exclusive_group()
    rotate.add_argument(
        "--rotate-bytes",
        type=_count,
        metavar="N",
        help="rotate before the log grows beyond N; orders.log.1 is the newest old one",
    )
    rotate.add_argument(
        "--rotate", choices=["hour"], help="rotate when an hour ends: orders.log.2026-11-20T10"
    )
    add("--copytruncate", action="store_true", help="rotate by copying and truncating instead of renaming")
    _add_json_option(parser)


def _add_json_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the exact count by fate, as JSON")


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return value


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 on")
    return int(text)


def _dirt(text: str) -> float:
    value = 0.0 if text == "0" else _positive(text)
    if value > MAX_RATE:
        raise argparse.ArgumentTypeError(
            f"{text} is more than {MAX_RATE:g}, at which half of the lines are soiled"
        )
    return value


def _items(text: str) -> int:
    value = _count(text)
    if not MIN_ITEMS <= value <= MAX_ITEMS:
        raise argparse.ArgumentTypeError(f"{text} is not from {MIN_ITEMS} to {MAX_ITEMS:,}")
    return value


def _source(text: str) -> str:
    if split_event_id(f"{text}-1") != (text, 1):
        raise argparse.ArgumentTypeError(f"{text!r} is no source: letters, digits and ._:- up to 100")
    return text


def _moment(text: str) -> float | None:
    if text == "now":
        return None
    try:
        return parse_time(text, UTC).timestamp()
    except RefusedLineError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither now nor a time such as 2026-11-20T11:00:00Z"
        ) from None


if __name__ == "__main__":
    sys.exit(main())
