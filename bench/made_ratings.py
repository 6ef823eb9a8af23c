"""Made ratings of any size with known tastes, as MovieLens's CSV: `python -m bench.made_ratings FILE`.

A rating is mean + user + item + taste + noise, so that the noise is what no model can foretell. Users are
busy or not (log-normal, twenty ratings at least), few items are rated by many.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv

TASTES = 8
LEAST = 20  # ratings of a user, as MovieLens has it
DRAWN = 2.0  # pairs for each one wanted: many are drawn twice
FIRST_SECOND, SECONDS = 1_000_000_000, 500_000_000
WRITTEN = 1 << 20  # rows at once


@dataclass(frozen=True)
class Shape:
    users: int
    items: int
    ratings: int
    noise: float = 0.7
    stars: bool = True  # to the half, from 0.5 to 5; otherwise as they are


MOVIELENS_25M = Shape(162_541, 59_047, 25_000_095)
SMALL = Shape(2_000, 2_000, 1_500_000, stars=False)


def write(path: Path, shape: Shape, seed: int = 0) -> None:
    source = np.random.default_rng(seed)
    user, item = _pairs(shape, source)
    with path.open("wb") as file:
        file.write(b"userId,movieId,rating,timestamp\n")
        sides = [_side(source, length) for length in (shape.users, shape.items)]
        for first in range(0, len(user), WRITTEN):
            some = slice(first, first + WRITTEN)
            table = pa.table(
                {
                    "user": user[some] + 1,
                    "item": item[some] + 1,
                    "rating": _ratings(shape, sides, user[some], item[some], source),
                    "time": FIRST_SECOND + source.integers(0, SECONDS, len(user[some])),
                }
            )
            csv.write_csv(table, file, csv.WriteOptions(include_header=False))


def _pairs(shape: Shape, source: np.random.Generator) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Who rated what, each pair once, in the users' order."""
    activity = source.lognormal(0, 1.2, shape.users)
    drawn = LEAST + source.multinomial(
        int(shape.ratings * DRAWN) - LEAST * shape.users, activity / activity.sum()
    )
    user = np.repeat(np.arange(shape.users), np.minimum(drawn, shape.items))
    item = (shape.items * source.random(len(user)) ** 3.5).astype(np.int64)
    keys = np.unique(user * shape.items + item)
    kept = np.sort(source.permutation(len(keys))[: shape.ratings])
    return np.divmod(keys[kept], shape.items)


def _side(source: np.random.Generator, length: int) -> npt.NDArray[np.float64]:
    """Bias, then tastes: products of two have a deviation of about a half."""
    rows = source.standard_normal((length, TASTES + 1)) * np.sqrt(0.5 / np.sqrt(TASTES))
    rows[:, 0] = 0.4 * source.standard_normal(length)
    return rows


def _ratings(
    shape: Shape,
    sides: list[npt.NDArray[np.float64]],
    user: npt.NDArray[np.int64],
    item: npt.NDArray[np.int64],
    source: np.random.Generator,
) -> npt.NDArray[np.float64]:
    users, items = sides[0][user], sides[1][item]
    tastes = np.einsum("ij,ij->i", users[:, 1:], items[:, 1:])
    whole = 3.5 + users[:, 0] + items[:, 0] + tastes + shape.noise * source.standard_normal(len(user))
    return np.clip(np.round(whole * 2) / 2, 0.5, 5.0) if shape.stars else np.round(whole, 4)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.made_ratings", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("file", type=Path)
    for name in ("users", "items", "ratings"):
        parser.add_argument(f"--{name}", type=int, default=getattr(MOVIELENS_25M, name))
    options = parser.parse_args()
    write(options.file, Shape(options.users, options.items, options.ratings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
