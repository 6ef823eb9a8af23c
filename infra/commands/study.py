"""Ratings of one's own: what models make of them."""

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from contracts.lists import STORED_ENTRIES
from infra.commands.command import Command
from infra.console import say
from infra.problem import ProblemError

_PASSED = ("folds", "judged", "top", "seed")


def _study(options: argparse.Namespace) -> None:
    from infra import session, stack, study

    if (options.ratings is None) is (options.fetch is None):
        raise ProblemError("give RATINGS, which are studied, or --fetch of a study that was")
    session.enter(options.data, options.target)
    found = stack.find()
    if options.fetch is not None:
        study.fetch(found, options.fetch, options.out, say)
        return
    given = [(f"--{name}", getattr(options, name)) for name in _PASSED]
    passed = [text for name, value in given if value is not None for text in (name, str(value))]
    passed += ["--scale", *map(str, options.scale)] if options.scale else []
    wish = study.Wish(options.ratings, options.items, options.out, tuple(passed), options.serve)
    study.study(found, wish, say, session.step_folder(options.data, options.target))


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "ratings", metavar="RATINGS", nargs="?", help="user,item,rating,time: a path, or s3://BUCKET/KEY"
    )
    parser.add_argument("--items", metavar="ITEMS", help="item,title,genres: a path, or s3://BUCKET/KEY")
    parser.add_argument(
        "--out", metavar="DIR", type=Path, default=Path("study"), help="the folder (%(default)s)"
    )
    parser.add_argument(
        "--fetch",
        type=_run,
        metavar="STUDY",
        help="only fetch what a finished study found: its number or its version",
    )
    parser.add_argument(
        "--scale",
        nargs=2,
        type=float,
        action=_Scale,
        metavar=("LOW", "HIGH"),
        help="what a rating may be (0.5 5)",
    )
    parser.add_argument("--folds", type=_above(1), metavar="N", help="parts to hold out in turn (5)")
    parser.add_argument("--judged", type=_above(0), metavar="N", help="hold out only the first N parts (all)")
    parser.add_argument(
        "--top",
        type=_above(0, STORED_ENTRIES),
        metavar="N",
        help=f"items in each user's list, up to {STORED_ENTRIES} (20)",
    )
    parser.add_argument("--seed", type=int, metavar="N", help="of the parts and the starts (0)")
    parser.add_argument(
        "--serve",
        action="store_true",
        help="put the lists live, IN PLACE of what is; `rollback` leads back to that",
    )


def _run(text: str) -> int:
    """The number of a study, which its version ends with."""
    number = text.rpartition("-")[2]
    if not number.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no study such as 1795274406")
    return int(number)


def _above(least: int, most: int | None = None) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isdecimal() or int(text) <= least or (most is not None and int(text) > most):
            upper = "" if most is None else f", {most} at most"
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number above {least}{upper}")
        return int(text)

    return number


class _Scale(argparse.Action):
    """Two numbers, the least first."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        low, high = values
        if not 0 < high - low < math.inf:
            parser.error(
                f"{option_string} {low:g} {high:g} holds no rating: give the least first, as --scale 1 5"
            )
        setattr(namespace, self.dest, values)


COMMANDS = {
    "study": Command(
        _study, "ratings such as MovieLens's: four models beside each other, and lists", _arguments
    ),
}
