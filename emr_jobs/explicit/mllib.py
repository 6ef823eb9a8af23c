"""Spark MLlib's ALS on what the biases leave of each rating; rank and regularisation by its CrossValidator.

MLlib knows no biases: trained on the bare ratings it has to spend its factors on them.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyspark.errors import IllegalArgumentException
from pyspark.ml.evaluation import RegressionEvaluator
from pyspark.ml.recommendation import ALS
from pyspark.ml.tuning import CrossValidator
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from emr_jobs.als.kernel import Floats
from emr_jobs.explicit.blocks import Ratings, blocks
from emr_jobs.explicit.fitted import Fitted

if TYPE_CHECKING:
    from pyspark import Broadcast

ITERATIONS = 8
CHOICE_RATINGS = 1_000_000  # at most: two numbers can be chosen from as many
CHOICE_FOLDS = 2
FEWEST = 100  # ratings that say anything of two numbers; as many leave no fold empty
UNFORETOLD = 1e9  # an RMSE that no scale has; finite, for CrossValidator takes the spread of them
BLOCK_RATINGS = 1_000_000  # at most: MLlib holds a block whole, as many as tasks run at once
LEFT = "user int, item int, rating float"
_LEFT = pa.schema([("user", pa.int32()), ("item", pa.int32()), ("rating", pa.float32())])


@dataclass(frozen=True, slots=True)
class Choice:
    rank: int
    regularisation: float

    def __str__(self) -> str:
        return f"rank {self.rank}, regParam {self.regularisation:g}"


class Errors(RegressionEvaluator):
    """Worse than any where nothing is foretold: MLlib drops whom it does not know and sums no empty table."""

    def _evaluate(self, dataset: DataFrame) -> float:
        try:
            return super()._evaluate(dataset)
        except IllegalArgumentException:
            return UNFORETOLD


GRID = tuple(Choice(rank, ridge) for rank in (8, 16) for ridge in (0.1, 0.2))


def left(spark: SparkSession, ratings: Ratings, fold: int, biases: Fitted) -> DataFrame:
    """What the biases leave of the ratings that are not held out."""
    told = spark.sparkContext.broadcast(biases)
    return ratings.by_user.mapInArrow(_leaver(told, fold), LEFT)


def chosen(left_over: DataFrame, grid: Sequence[Choice], ratings: Ratings) -> Choice:
    """By RMSE on what it was not trained on; of many ratings, on every so-manieth user's.

    The first, where there are too few ratings to tell, or none of a user and an item that were trained on.
    """
    every = -(-_count(ratings) // CHOICE_RATINGS)
    some = left_over.where(F.col("user") % every == 0).withColumn("fold", _fold(ratings.folds.seed)).cache()
    try:
        if len(grid) == 1 or some.count() < FEWEST:
            return grid[0]
        figures = _validated(some, grid, ratings.folds.seed)
    finally:
        some.unpersist()
    return grid[int(np.argmin(figures))]


def _validated(some: DataFrame, grid: Sequence[Choice], seed: int) -> list[float]:
    """The RMSE of each choice."""
    als = _als(some.sparkSession, CHOICE_RATINGS, seed)
    validator = CrossValidator(
        estimator=als,
        estimatorParamMaps=[{als.rank: choice.rank, als.regParam: choice.regularisation} for choice in grid],
        evaluator=Errors(metricName="rmse", labelCol="rating"),
        numFolds=CHOICE_FOLDS,
        foldCol="fold",
    )
    return list(validator.fit(some).avgMetrics)


def fit(left_over: DataFrame, choice: Choice, biases: Fitted, ratings: Ratings) -> Fitted:
    als = _als(left_over.sparkSession, _count(ratings), ratings.folds.seed)
    model = als.setRank(choice.rank).setRegParam(choice.regularisation).fit(left_over)
    users, items = (
        np.hstack([side[:, :1], _factors(rows, len(side), choice.rank)])
        for side, rows in ((biases.users, model.userFactors), (biases.items, model.itemFactors))
    )
    return Fitted(users, items, biases.mean, biases.counts)


def _fold(seed: int) -> Column:
    """By the pair alone: with two parts, one of them held out, a fold of parts would be empty."""
    return F.pmod(F.xxhash64("user", "item", F.lit(seed)), F.lit(CHOICE_FOLDS)).cast("int")


def _count(ratings: Ratings) -> int:
    return sum(count for count, _ in ratings.sums.values())


def _als(spark: SparkSession, count: int, seed: int) -> ALS:
    """No more blocks than so many ratings want: MLlib's ten cost a small study five times the time."""
    number = max(spark.sparkContext.defaultParallelism, -(-count // BLOCK_RATINGS))
    return ALS(
        numUserBlocks=number,
        numItemBlocks=number,
        maxIter=ITERATIONS,
        userCol="user",
        itemCol="item",
        ratingCol="rating",
        coldStartStrategy="drop",
        seed=seed,
    )


def _factors(solved: DataFrame, length: int, rank: int) -> Floats:
    """A row for each; of whom MLlib does not know, zero."""
    rows = solved.toArrow()
    whole = np.zeros((length, rank), np.float32)
    values = rows["features"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    whole[rows["id"].to_numpy()] = values.reshape(-1, rank)
    return whole


def _leaver(
    told: "Broadcast[Fitted]", fold: int
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def leave(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        biases = told.value
        for batch in batches:
            for block in blocks(batch):
                kept = block.where(block.parts != fold)
                user = (kept.rows + kept.first).astype(np.int32)
                over = kept.ratings - biases.ratings(biases.users[user], kept.columns).astype(np.float32)
                columns = map(pa.array, (user, kept.columns, over))
                yield pa.RecordBatch.from_arrays([*columns], schema=_LEFT)

    return leave
