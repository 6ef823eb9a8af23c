"""The EMR step that studies a file of ratings: into the lake, four models judged, lists for everybody.

Its steps stand in `study`; each is a module of emr_jobs/explicit. `cadabra study` sends it.
"""

import argparse
import json
import math
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

import boto3
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from contracts.lists import STORED_ENTRIES
from contracts.s3_layout import Version
from emr_jobs.explicit import (
    blocks,
    cleaning,
    crossvalidation,
    item_file,
    progress,
    rating_file,
    recommendations,
    results,
    serving,
    tables,
)
from emr_jobs.explicit.cleaning import Account, AccountError, NoRatingsError, Scale
from emr_jobs.explicit.crossvalidation import Result
from emr_jobs.explicit.dialect import FileRefusedError
from emr_jobs.explicit.folds import MOST_PARTS, NOTHING, Folds, TooFewError
from emr_jobs.explicit.item_file import Items
from emr_jobs.explicit.models import Effort, Workshop
from emr_jobs.explicit.output import Output, Place, place
from emr_jobs.explicit.recommendations import Lists
from emr_jobs.publishing import publication
from emr_jobs.shop import Shop
from emr_jobs.stages import Stages

# What the step can only say; it ends with exit code 1.
REFUSALS = (
    FileRefusedError,
    NoRatingsError,
    AccountError,
    TooFewError,
    *serving.REFUSALS,
    *publication.FAILURES,
)
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


@dataclass(frozen=True, slots=True)
class Studied:
    """What came of it."""

    version: Version
    account: Account
    results: list[Result]
    lists_by: str

    def plain(self) -> dict[str, Any]:
        return {
            "version": str(self.version),
            "lines": asdict(self.account),
            "lists_by": self.lists_by,
            "models": [result.plain() for result in self.results],
        }


def main(given: list[str] | None = None) -> int:
    asked = options(given)
    shop = Shop(boto3.client("s3"), boto3.client("dynamodb"), asked.bucket, asked.table)
    spark = SparkSession.builder.appName("cadabra study").getOrCreate()
    try:
        study(spark, shop, Asked.of(asked))
    except REFUSALS as error:
        print(f"study: {error}", file=sys.stderr)
        return 1
    finally:
        spark.stop()
    return 0


def study(spark: SparkSession, shop: Shop, asked: Asked) -> Studied:
    """The steps in order."""
    stages = Stages("study")
    items = item_file.found(shop.s3, asked.items.bucket, asked.items.key) if asked.items else None
    ratings, account = _cleaned(spark, shop, asked, items, stages)
    _write_items(spark, ratings, items)
    output = Output(shop.s3, shop.bucket, Version(_newest(ratings), asked.run))
    stages.done("files", f"{output.put_table(ratings, 'ratings'):,} ratings as Parquet in {output}ratings/")
    dealt = blocks.ratings(spark, ratings, asked.folds)
    try:
        asked.folds.check(dealt.sums)
        stages.done("blocks", f"{len(dealt.users):,} users, {len(dealt.items):,} items")
        workshop = Workshop(spark, dealt, asked.scale, asked.effort)
        found = _compared(workshop, stages)
        lists_by = crossvalidation.best_ranking(found).model
        fitted = workshop.train(lists_by, (NOTHING,), progress.silent)[NOTHING]
        lists = recommendations.make(spark, dealt, items.titles if items else {}, fitted, asked.scale.liked)
    finally:
        dealt.forget()
    stages.done("lists", f"{len(lists.users):,} users, by the {lists_by}")
    studied = Studied(output.version, account, found, lists_by)
    _write(output, studied, recommendations.table(lists, asked.top), asked.folds)
    stages.done("output", str(output))
    if asked.serve:
        serving.put_live(
            shop, studied.version, _askable(lists, stages), studied.plain(), asked.wait_seconds, stages
        )
    return studied


def _askable(lists: Lists, stages: Stages) -> Lists:
    kept, refused = recommendations.askable(lists)
    if refused:
        stages.say(f"{len(refused):,} users cannot be asked for, such as {refused[0]!r}: not served")
    return kept


def _compared(workshop: Workshop, stages: Stages) -> list[Result]:
    with progress.bar() as tell:
        found = crossvalidation.validate(workshop, tell)
    print(results.text(found, workshop.ratings.folds.parts), flush=True)
    stages.done("models", results.advice(found))
    return found


def _write(output: Output, studied: Studied, lists: pa.Table, folds: Folds) -> None:
    output.put("recommendations.csv", recommendations.as_csv(lists))
    output.put("recommendations.parquet", recommendations.as_parquet(lists))
    output.put("study.txt", results.text(studied.results, folds.parts).encode() + b"\n")
    output.put("study.png", results.picture(studied.results))
    output.put("study.json", json.dumps(studied.plain(), indent=1).encode() + b"\n")


def _cleaned(
    spark: SparkSession, shop: Shop, asked: Asked, items: Items | None, stages: Stages
) -> tuple[DataFrame, Account]:
    """The table of the ratings that count, and what became of every line."""
    file = rating_file.found(shop.s3, asked.ratings.bucket, asked.ratings.key)
    known = spark.createDataFrame(items.rows.select(["item"])) if items else None
    kept, told = cleaning.counted(
        cleaning.judged(rating_file.read(spark, file), asked.scale, known, timed=file.timed)
    )
    table = tables.replace(spark, "ratings", kept)
    account = cleaning.account(told, table.count())
    stages.done("ratings", str(account))
    cleaning.check(account, asked.scale, str(asked.ratings))
    for what, count in items.said.items() if items else ():
        stages.say(f"items: {count:,} {what}")
    return table, account


def _write_items(spark: SparkSession, ratings: DataFrame, items: Items | None) -> None:
    """Without a file of them, items are called by their names."""
    if items:
        rows = spark.createDataFrame(items.rows)
    else:
        nameless = (F.col("item").alias("title"), F.array().cast("array<string>").alias("genres"))
        rows = ratings.select("item").distinct().select("item", *nameless)
    tables.replace(spark, "items", rows)


def _newest(ratings: DataFrame) -> datetime:
    """The time of the newest rating, to the second."""
    seconds = ratings.agg(F.max(F.unix_seconds("time"))).collect()[0][0]
    return datetime.fromtimestamp(seconds, UTC)


def options(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="study", description=__doc__.partition("\n")[0])
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


if __name__ == "__main__":
    sys.exit(main())
