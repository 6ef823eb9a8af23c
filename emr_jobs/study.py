"""The EMR step that studies a file of ratings: into the lake, four models judged, lists for everybody.

Its steps stand in `study`; each is a module of emr_jobs/explicit. `cadabra study` sends it.
"""

import json
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from contracts.s3_layout import Version
from emr_jobs.explicit import (
    asked,
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
from emr_jobs.explicit.asked import Asked
from emr_jobs.explicit.cleaning import Account, AccountError, NoRatingsError
from emr_jobs.explicit.crossvalidation import Result
from emr_jobs.explicit.dialect import FileRefusedError
from emr_jobs.explicit.folds import NOTHING, Folds, TooFewError
from emr_jobs.explicit.item_file import Items
from emr_jobs.explicit.models import Workshop
from emr_jobs.explicit.output import Output
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
    options = asked.options(given, __doc__.partition("\n")[0])
    shop = Shop(boto3.client("s3"), boto3.client("dynamodb"), options.bucket, options.table)
    spark = SparkSession.builder.appName("cadabra study").getOrCreate()
    try:
        study(spark, shop, Asked.of(options))
    except REFUSALS as error:
        print(f"study: {error}", file=sys.stderr)
        return 1
    finally:
        spark.stop()
    return 0


def study(spark: SparkSession, shop: Shop, wish: Asked) -> Studied:
    """The steps in order."""
    stages = Stages("study")
    items = item_file.found(shop.s3, wish.items.bucket, wish.items.key) if wish.items else None
    ratings, account = _cleaned(spark, shop, wish, items, stages)
    _write_items(spark, ratings, items)
    output = Output(shop.s3, shop.bucket, Version(_newest(ratings), wish.run))
    stages.done("files", f"{output.put_table(ratings, 'ratings'):,} ratings as Parquet in {output}ratings/")
    dealt = blocks.ratings(spark, ratings, wish.folds)
    try:
        wish.folds.check(dealt.sums)
        stages.done("blocks", f"{len(dealt.users):,} users, {len(dealt.items):,} items")
        workshop = Workshop(spark, dealt, wish.scale, wish.effort)
        found = _compared(workshop, stages)
        lists_by = crossvalidation.best_ranking(found).model
        fitted = workshop.train(lists_by, (NOTHING,), progress.silent)[NOTHING]
        lists = recommendations.make(spark, dealt, items.titles if items else {}, fitted, wish.scale.liked)
    finally:
        dealt.forget()
    stages.done("lists", f"{len(lists.users):,} users, by the {lists_by}")
    studied = Studied(output.version, account, found, lists_by)
    _write(output, studied, recommendations.table(lists, wish.top), wish.folds)
    stages.done("output", str(output))
    if wish.serve:
        serving.put_live(
            shop, studied.version, _askable(lists, stages), studied.plain(), wish.wait_seconds, stages
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
    spark: SparkSession, shop: Shop, wish: Asked, items: Items | None, stages: Stages
) -> tuple[DataFrame, Account]:
    """The table of the ratings that count, and what became of every line."""
    file = rating_file.found(shop.s3, wish.ratings.bucket, wish.ratings.key)
    known = spark.createDataFrame(items.rows.select(["item"])) if items else None
    kept, told = cleaning.counted(
        cleaning.judged(rating_file.read(spark, file), wish.scale, known, timed=file.timed)
    )
    table = tables.replace(spark, "ratings", kept)
    account = cleaning.account(told, table.count())
    stages.done("ratings", str(account))
    cleaning.check(account, wish.scale, str(wish.ratings))
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


if __name__ == "__main__":
    sys.exit(main())
