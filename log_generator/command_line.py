"""What can be asked for: the commands and their options."""

import argparse
from pathlib import Path
from typing import TypeAlias

from log_generator.arguments import count, dirt, items, moment, new_file, positive, seed, source

DEFAULT_WEEKS = 10.0

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 (it has no public name)


def parser() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser(
        prog="python -m log_generator",
        description="A shop that writes order logs: simulated, or from a real order file.",
    )
    commands = whole.add_subparsers(dest="command", required=True)
    _add_shop(commands)
    _add_replay(commands)
    _add_backfill(commands)
    return whole


def _add_shop(commands: Commands) -> None:
    about = (
        "a simulated shop: catalogue.csv and order logs; a later run into the folder goes on with its shop"
    )
    shop = commands.add_parser("shop", help="a simulated shop", description=about)
    add = shop.add_argument
    add(
        "--lines",
        type=count,
        metavar="N",
        help="exactly so many lines in all (default 100,000; at a rate: until stopped)",
    )
    length = shop.add_mutually_exclusive_group()
    length.add_argument(
        "--weeks",
        type=positive,
        metavar="W",
        help=f"of simulated time (default {DEFAULT_WEEKS:g}), or of real time",
    )
    length.add_argument("--hours", type=positive, metavar="H", help="the same in hours")
    add("--end", type=moment, metavar="ISO|now", help="when the simulated clock ends (default now)")
    add(
        "--seed",
        type=seed,
        metavar="S",
        help="all follows from it (default 1, or the folder's own)",
    )
    add(
        "--source",
        type=source,
        metavar="NAME",
        help="first part of every event id (default: a name of its own for each shop)",
    )
    add(
        "--dirt",
        type=dirt,
        default=1.0,
        metavar="RATE",
        help="0 for a clean log, 1 as in real ones (default), 5 for five times as much",
    )
    add("--customers", type=count, metavar="N", help="instead of as many as fit the lines")
    add("--items", type=items, metavar="N", help="instead of as many as fit the lines")
    add("--truth", type=new_file, metavar="FILE", help="write the hidden tastes, as JSON")
    _add_log_options(shop)


def _add_replay(commands: Commands) -> None:
    about = "a real order file as a server would have logged it; a later run goes on where this one ends"
    replay = commands.add_parser("replay", help="a real order file, as logs", description=about)
    _add_file_options(replay)
    replay.add_argument("--lines", type=count, metavar="N", help="at most so many lines in this run")
    _add_log_options(replay)


def _add_backfill(commands: Commands) -> None:
    about = "a real order file straight into the S3 hours of its orders; repeating it doubles nothing"
    command = commands.add_parser("backfill", help="a real order file, into S3", description=about)
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
    add(
        "--rate",
        type=positive,
        metavar="LINES_PER_S",
        help="in real time (default: as fast as it goes)",
    )
    rotate = parser.add_mutually_exclusive_group()
    rotate.add_argument(
        "--rotate-bytes",
        type=count,
        metavar="N",
        help="rotate before the log grows beyond N; orders.log.1 is the newest old one",
    )
    rotate.add_argument(
        "--rotate", choices=["hour"], help="rotate when an hour ends: orders.log.2026-11-20T10"
    )
    add("--copytruncate", action="store_true", help="rotate by copying and truncating instead of renaming")
    _add_json_option(parser)


def _add_json_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--json", type=new_file, metavar="FILE", help="write the exact count by fate, as JSON"
    )
