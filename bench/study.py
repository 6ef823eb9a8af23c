"""How good `cadabra study` is, and what it takes: `python -m bench.study [--full]`.

On MovieLens latest-small (MOVIELENS names its archive or folder), five parts held out in turn: the best RMSE
must be .87 at most. Without it, on made ratings of known noise. `--full`: 25 million made ratings of
MovieLens 25M's shape, one part held out, with its time and memory. Exits 1 where a budget is missed, or where
no model foretells ratings better than the biases alone.
"""

import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import boto3
from pyspark.sql import SparkSession

from bench import made_ratings
from bench.local_lake import BUCKET, local_aws, session
from bench.made_ratings import MOVIELENS_25M, SMALL, Shape
from bench.usage import measured
from emr_jobs.explicit import mllib
from emr_jobs.explicit.asked import Asked
from emr_jobs.explicit.cleaning import Scale
from emr_jobs.explicit.folds import Folds
from emr_jobs.explicit.models import BIASES, Effort
from emr_jobs.explicit.output import Place
from emr_jobs.shop import Shop
from emr_jobs.study import Studied, study

WANTED_RMSE = 0.87  # on MovieLens latest-small
WANTED_OVER_NOISE = 1.05
# MLlib's whole search would take longer than all the rest: of the four choices, the two of the larger rank.
FULL_EFFORT = Effort(implicit_rank=32, mllib_grid=mllib.GRID[2:])


def main() -> int:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="cadabra-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        if options.full:
            shape = replace(MOVIELENS_25M, ratings=options.ratings)
            files, asked = _made(folder, shape), {"folds": Folds(5, 1), "effort": FULL_EFFORT}
        elif movielens := os.environ.get("MOVIELENS"):
            files, asked = _unpacked(Path(movielens), folder), {}
        else:
            print("MOVIELENS is not set: made ratings take its place (grouplens.org has ml-latest-small)")
            files, asked = _made(folder, SMALL), {"scale": Scale(-10.0, 20.0)}
        stack.enter_context(local_aws(folder))
        spark = stack.enter_context(session())
        return _judged(spark, files, options, asked)


def _judged(
    spark: SparkSession, files: list[Path], options: argparse.Namespace, asked: dict[str, object]
) -> int:
    s3 = boto3.client("s3")
    for file in files:
        s3.upload_file(str(file), BUCKET, file.name)
        file.unlink()
    places = [Place(BUCKET, file.name) for file in files]
    items = places[1] if len(places) > 1 else None
    with measured() as used:
        found = study(spark, Shop(s3, None, BUCKET, ""), Asked(places[0], items, int(time.time()), **asked))
    print(f"the whole study: {used}")
    return _verdict(found, full=options.full, made=items is None)


def _verdict(found: Studied, *, full: bool, made: bool) -> int:
    means = {result.model: result.mean("rmse") for result in found.results}
    rmse = {model: mean for model, mean in means.items() if mean is not None}
    print(", ".join(f"{model} {figure:.4f}" for model, figure in rmse.items()))
    best, alone = min(rmse.values()), rmse[BIASES]
    print(f"best RMSE {best:.4f}, {BIASES} {alone:.4f}: {'learnt' if best < alone else 'NOTHING LEARNT'}")
    if full or best >= alone:
        return int(best >= alone)
    wanted = SMALL.noise * WANTED_OVER_NOISE if made else WANTED_RMSE
    what = (
        f"RMSE of made ratings, {WANTED_OVER_NOISE} x their noise"
        if made
        else "RMSE on MovieLens latest-small"
    )
    print(f"{what}: {best:.4f}, wanted at most {wanted:.4f}: {'met' if best <= wanted else 'MISSED'}")
    return 0 if best <= wanted else 1


def _unpacked(given: Path, folder: Path) -> list[Path]:
    """Copies of the ratings and the items: from MovieLens's archive, its folder, or its ratings.csv."""
    if given.suffix == ".csv":
        given = given.parent
    elif given.is_file():
        with tarfile.open(given) as archive:
            archive.extractall(folder, filter="data")
        given = folder
    found = [next(given.rglob(name)) for name in ("ratings.csv", "movies.csv")]
    copies = [folder / path.name for path in found]
    for path, copy in zip(found, copies, strict=True):
        copy.write_bytes(path.read_bytes())
    return copies


def _made(folder: Path, shape: Shape) -> list[Path]:
    """In a process of its own where it is large: its memory is not the study's."""
    path = folder / "ratings.csv"
    if shape.stars:
        sizes = [f"--{name}={getattr(shape, name)}" for name in ("users", "items", "ratings")]
        subprocess.run([sys.executable, "-m", "bench.made_ratings", str(path), *sizes], check=True)
    else:
        made_ratings.write(path, shape)
    return [path]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.study", description=__doc__.partition("\n")[0])
    parser.add_argument("--full", action="store_true", help="25 million made ratings")
    parser.add_argument(
        "--ratings", type=int, default=MOVIELENS_25M.ratings, help="with --full, so many (%(default)s)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
