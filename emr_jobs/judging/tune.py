"""Searches the settings of ALS and of the blend on the fortnights before a day, and writes them as a file.

`cadabra tune` runs it: `python -m emr_jobs.judging.tune FILE --before DATE --out settings.toml`. Many draws
are judged by few customers, the better half by twice as many, and so on, each going on from its own factors.
"""

import argparse
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress

from contracts.lists import CUSTOMER_LISTS, DISCOVER, SHOWN_ENTRIES
from emr_jobs import model
from emr_jobs.als.kernel import Ints
from emr_jobs.factors import Factors
from emr_jobs.judging import evaluation, order_file
from emr_jobs.judging.backtest import day_of, place_for, positive
from emr_jobs.judging.comparison import NothingToJudgeError
from emr_jobs.judging.evaluation import Truth
from emr_jobs.judging.order_file import OrderFileError
from emr_jobs.lists import ranked
from emr_jobs.model import Model
from emr_jobs.orders import DAY_SECONDS, Orders, epoch
from emr_jobs.ratings import pairs
from emr_jobs.settings import Settings, to_toml

DAYS = 14
DRAWS = 24
LEAST_CUSTOMERS = 100  # of a round: fewer are noise
FIRST_ITERATIONS = 4  # of a round; a draw that stays gets as many again
# What is drawn from: values between the ends are equally likely by their logarithm.
RANGES = {
    "regularisation": (0.002, 0.05),
    "pair_weight": (0.3, 2.0),
    "purchase_weight": (0.7, 6.0),
    "rating_half_life_days": (7.0, 45.0),
}
RANKS = (32, 64, 96)
# Blend weights need no training: each is tried in turn with the others as they are.
BLEND_STEPS = {
    "repeat_half_life_days": (45.0, 60.0, 90.0, 130.0),
    "popular_in_for_you": (0.2, 0.3, 0.4, 0.6),
    "popular_in_discover": (0.1, 0.2, 0.3, 0.5),
    "popular_days": (7.0, 14.0, 21.0),
}


@dataclass(frozen=True, slots=True)
class Fortnight:
    """A cut, what was known at it, and what was bought after."""

    known: Orders
    cut: int
    truths: dict[str, Truth]

    @classmethod
    def before(cls, orders: Orders, end: int) -> "Fortnight":
        cut = end - DAYS * DAY_SECONDS
        known, window = evaluation.split(orders, cut, DAYS)
        if not len(known) or not len(window):
            raise NothingToJudgeError("no orders lie before the fortnight, or none in it: choose another day")
        bought = pairs(known)
        truths = {
            name: evaluation.truth(known, bought, window, novel=name == DISCOVER) for name in CUSTOMER_LISTS
        }
        if not all(len(truth.customers) for truth in truths.values()):
            raise NothingToJudgeError("nobody who was known bought in the fortnight: choose another day")
        return cls(known, cut, truths)

    def fit(self, settings: Settings, last: Factors | None = None) -> Model:
        return model.fit(self.known, self.cut, settings, 0, last)

    def worth(self, fitted: Model, settings: Settings, share: float = 1.0) -> float:
        """The sum of both lists' NDCG for a share of the customers, always the same ones."""
        total = 0.0
        everyone = np.unique(np.concatenate([truth.customers for truth in self.truths.values()]))
        chosen = _share(everyone, share)
        best = ranked.by_blend(fitted, chosen, settings, SHOWN_ENTRIES)
        for name, truth in self.truths.items():
            figures = evaluation.ndcg(best[name], truth, SHOWN_ENTRIES)
            total += float(figures[np.isin(truth.customers, chosen)].mean())
        return total


@dataclass(slots=True)
class Draw:
    settings: Settings
    fitted: Model | None = None
    worth: float = 0.0


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    try:
        place_for(options.out)
        orders, _ = order_file.read(options.file)
        end = epoch(options.before) if options.before else int(orders.seconds.max()) + 1
        fortnight = Fortnight.before(orders, end)
    except (OrderFileError, NothingToJudgeError, OSError) as error:
        print(f"tune: {error}", file=sys.stderr)
        return 1
    before = _worth(fortnight, Settings())
    found = search(fortnight, options.draws, options.seed)
    after = _worth(fortnight, found)
    for name in (*RANGES, "rank", *BLEND_STEPS):
        print(f"{name} = {getattr(found, name):.4g} (default {getattr(Settings(), name):.4g})")
    days = f"{datetime.fromtimestamp(fortnight.cut, UTC):%Y-%m-%d} and the {DAYS} days from it"
    print(f"NDCG@{SHOWN_ENTRIES} of both lists together on {days}: {after:.4f}, of the defaults {before:.4f}")
    if options.out:
        options.out.write_text(to_toml(found))
        print(f"written: {options.out}")
    return 0


def search(fortnight: Fortnight, draws: int, seed: int) -> Settings:
    """The best of the defaults and so many draws, its blend then tried step by step."""
    noise = np.random.default_rng(seed)
    field = [Draw(Settings())] + [Draw(_drawn(noise)) for _ in range(draws)]
    judged = len(fortnight.truths[CUSTOMER_LISTS[0]].customers)
    share = min(1.0, max(LEAST_CUSTOMERS / judged, 1 / 2 ** (len(field).bit_length() - 1)))
    with _bar(2 * len(field)) as bar:
        task = bar.tasks[0].id
        while True:
            for draw in field:
                _judge(fortnight, draw, share)
                bar.advance(task)
            field.sort(key=lambda draw: -draw.worth)
            if len(field) == 1 or share == 1.0:
                break
            field, share = field[: (len(field) + 1) // 2], min(1.0, 2 * share)
    return _blended(fortnight, field[0].settings)


def _judge(fortnight: Fortnight, draw: Draw, share: float) -> None:
    """Train a few iterations on from where the draw is, and judge it."""
    some = replace(draw.settings, iterations=FIRST_ITERATIONS, warm_iterations=FIRST_ITERATIONS)
    draw.fitted = fortnight.fit(some, draw.fitted.factors if draw.fitted else None)
    draw.worth = fortnight.worth(draw.fitted, draw.settings, share)


def _blended(fortnight: Fortnight, settings: Settings) -> Settings:
    fitted = fortnight.fit(settings)
    for name, steps in BLEND_STEPS.items():
        tried = [settings, *(replace(settings, **{name: step}) for step in steps)]  # type: ignore[arg-type]  # all are floats
        settings = max(tried, key=lambda one: fortnight.worth(fitted, one))
    return settings


def _drawn(noise: np.random.Generator) -> Settings:
    drawn = {name: float(np.exp(noise.uniform(*np.log(ends)))) for name, ends in RANGES.items()}
    rounded = {name: float(f"{value:.3g}") for name, value in drawn.items()}
    return replace(Settings(), rank=int(noise.choice(RANKS)), **rounded)  # type: ignore[arg-type]  # all are floats


def _worth(fortnight: Fortnight, settings: Settings) -> float:
    return fortnight.worth(fortnight.fit(settings), settings)


def _share(customers: Ints, share: float) -> Ints:
    """The same ones each time, and among more all of the fewer."""
    order = np.random.default_rng(0).permutation(len(customers))
    return np.sort(customers[order[: max(1, round(share * len(customers)))]])


def _bar(total: int) -> Progress:
    console = Console(stderr=True)
    bar = Progress(console=console, disable=not console.is_terminal, transient=True)
    bar.add_task("searching", total=total)
    return bar


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="cadabra tune", description=__doc__.partition("\n")[0])
    parser.add_argument("file", type=Path, help="order lines, plain, .gz or .xz: a log, or Online Retail")
    parser.add_argument(
        "--before", type=day_of, help="see no order from this day on (the end of the file)", metavar="DATE"
    )
    parser.add_argument("--out", type=Path, help="write the settings here, for `cadabra settings put`")
    parser.add_argument("--draws", type=positive, default=DRAWS, help="how many to try (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the draws (%(default)s)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
