"""Spark MLlib's ALS on what the biases leave of each rating; rank and regularisation by its CrossValidator.

MLlib knows no biases: trained on the bare ratings it has to spend its factors on them.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyspark.ml.evaluation import RegressionEvaluator
from pyspark.ml.recommendation import ALS
from pyspark.ml.tuning import CrossValidator
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from emr_jobs.als.kernel import Floats
from emr_jobs.explicit.blocks import Ratings, blocks
from emr_jobs.explicit.fitted import Fitted

if TYPE_CHECKING:
    from pyspark import Broadcast

ITERATIONS = 8
CHOICE_RATINGS = 1_000_000  # at most: two numbers can be chosen from as many
CHOICE_FOLDS = 2
BLOCK_RATINGS = 1_000_000  # at most: MLlib holds a block whole, as many as tasks run at once
LEFT = "user int, item int, rating float, part int"
_LEFT = pa.schema(
    [("user", pa.int32()), ("item", pa.int32()), ("rating", pa.float32()), ("part", pa.int32())]
)


@dataclass(frozen=True, slots=True)
class Choice:
    rank: int
    regularisation: float

    def __str__(self) -> str:
        return f"rank {self.rank}, regParam {self.regularisation:g}"


GRID = tuple(Choice(rank, ridge) for rank in (8, 16) for ridge in (0.1, 0.2))


def left(spark: SparkSession, ratings: Ratings, fold: int, biases: Fitted) -> DataFrame:
    """What the biases leave of the ratings that are not held out."""
    told = spark.sparkContext.broadcast(biases)
    return ratings.by_user.mapInArrow(_leaver(told, fold), LEFT)


def chosen(left_over: DataFrame, grid: Sequence[Choice], ratings: Ratings) -> Choice:
    """By RMSE on what it was not trained on; of many ratings, on every so-manieth user's."""
    if len(grid) == 1:
        return grid[0]
    every = max(1, _count(ratings) // CHOICE_RATINGS)
    some = left_over.where(F.col("user") % every == 0).withColumn("fold", F.col("part") % CHOICE_FOLDS)
    als = _als(left_over.sparkSession, CHOICE_RATINGS, ratings.folds.seed)
    validator = CrossValidator(
        estimator=als,
        estimatorParamMaps=[{als.rank: choice.rank, als.regParam: choice.regularisation} for choice in grid],
        evaluator=RegressionEvaluator(metricName="rmse", labelCol="rating"),
        numFolds=CHOICE_FOLDS,
        foldCol="fold",
    )
    some.cache()
    try:
        found = validator.fit(some)
    finally:
        some.unpersist()
    return grid[int(np.nanargmin(found.avgMetrics))]


def fit(left_over: DataFrame, choice: Choice, biases: Fitted, ratings: Ratings) -> Fitted:
    als = _als(left_over.sparkSession, _count(ratings), ratings.folds.seed)
    model = als.setRank(choice.rank).setRegParam(choice.regularisation).fit(left_over)
    users, items = (
        np.hstack([side[:, :1], _factors(rows, len(side), choice.rank)])
        for side, rows in ((biases.users, model.userFactors), (biases.items, model.itemFactors))
    )
    return Fitted(users, items, biases.mean)


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
                columns = [user, kept.columns, over, kept.parts.astype(np.int32)]
                yield pa.RecordBatch.from_arrays([pa.array(column) for column in columns], schema=_LEFT)

    return leave
