"""What is asked of a study: its arguments, as the EMR request and `cadabra study` give them."""

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from contracts.lists import STORED_ENTRIES
from emr_jobs.explicit.cleaning import Scale
from emr_jobs.explicit.folds import MOST_PARTS, Folds
from emr_jobs.explicit.models import Effort
from emr_jobs.explicit.output import Place, place
from emr_jobs.publishing import publication

TOP = 20


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be studied, and how."""

    ratings: Place
    items: Place | None
    run: int
    scale: Scale = field(default_factory=Scale)
    folds: Folds = field(default_factory=Folds)
    effort: Effort = field(default_factory=Effort)
    top: int = TOP
    serve: bool = False
    wait_seconds: float = publication.WAIT_SECONDS

    @classmethod
    def of(cls, given: argparse.Namespace) -> Self:
        return cls(
            ratings=given.ratings,
            items=given.items,
            run=given.run,
            scale=Scale(*given.scale),
            folds=Folds(given.folds, min(given.judged or given.folds, given.folds), given.seed),
            top=given.top,
            serve=given.serve,
        )


def options(given: list[str] | None, description: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="study", description=description)
    parser.add_argument("--ratings", required=True, type=place, help="the file of ratings, s3://BUCKET/KEY")
    parser.add_argument("--items", type=place, help="the file of items, s3://BUCKET/KEY")
    parser.add_argument("--bucket", required=True, help="the bucket of the lake and of the studies")
    parser.add_argument("--table", required=True, help="the DynamoDB table of what is served")
    parser.add_argument("--run", required=True, type=int, help="the study's number; it must grow")
    parser.add_argument(
        "--scale",
        nargs=2,
        type=float,
        default=(Scale().low, Scale().high),
        metavar=("LOW", "HIGH"),
        help="what a rating may be (0.5 5)",
    )
    parser.add_argument(
        "--folds",
        type=_between(2, MOST_PARTS),
        default=Folds().parts,
        help="parts to deal ratings into (%(default)s)",
    )
    parser.add_argument("--judged", type=int, help="hold out only so many of the parts (all)")
    parser.add_argument(
        "--top",
        type=_between(1, STORED_ENTRIES),
        default=TOP,
        help=f"items in each user's list, {STORED_ENTRIES} at most (%(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the parts and of every start (%(default)s)")
    parser.add_argument("--serve", action="store_true", help="put the lists live in place of what is")
    options = parser.parse_args(given)
    low, high = options.scale
    if not 0 < high - low < math.inf:
        parser.error(f"--scale {low:g} {high:g} holds no rating: give the least first, as --scale 1 5")
    return options


def _between(least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} to {most}")
        return int(text)

    return number
