"""Spark MLlib's ALS behind the drivers' interface: the reference that ours are tested and measured against.

It starts by its own seed, solves exactly, tells no loss, and its ridge counts bought pairs only. Its lineage
grows with each iteration until the JVM's stack is full (at twelve, by default): hence checkpoints.
"""

import atexit
import shutil
import tempfile
import time

import numpy as np
import pyarrow as pa
from pyspark.ml.recommendation import ALS
from pyspark.sql import DataFrame, SparkSession

from emr_jobs.als.kernel import Floats
from emr_jobs.als.training import Trained, Training

CHECKPOINT_ITERATIONS = 4


class ObjectiveRefusedError(ValueError):
    """MLlib cannot make this objective small."""


def fit(training: Training, spark: SparkSession, seed: int = 0) -> Trained:
    """The start's values are not used, its rows are overwritten."""
    objective = training.objective
    if objective.ridge_pair_weight:
        raise ObjectiveRefusedError(
            f"MLlib's ridge counts bought pairs only, so it cannot train with ridge_pair_weight"
            f" {objective.ridge_pair_weight}: give 0, or use the local or the spark driver"
        )
    als = ALS(
        rank=training.rank,
        maxIter=training.iterations,
        regParam=objective.regularisation / objective.pair_weight,
        alpha=objective.purchase_weight / objective.pair_weight,
        implicitPrefs=True,
        userCol="customer",
        itemCol="item",
        ratingCol="rating",
        seed=seed,
        checkpointInterval=CHECKPOINT_ITERATIONS,
    )
    _give_checkpoints_a_folder(spark)
    began = time.perf_counter()
    model = als.fit(spark.createDataFrame(_pairs(training)))
    _fill(training.customers, model.userFactors)
    _fill(training.items, model.itemFactors)
    seconds = (time.perf_counter() - began) / training.iterations
    loss = objective.loss(training.ratings, training.customers, training.items)
    return Trained(training.customers, training.items, (loss,), (seconds,) * training.iterations)


def _give_checkpoints_a_folder(spark: SparkSession) -> None:
    """Of this machine, unless the session has one: a cluster's must be one that all its machines see."""
    if spark.sparkContext.getCheckpointDir() is None:
        folder = tempfile.mkdtemp(prefix="cadabra-mllib-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        spark.sparkContext.setCheckpointDir(folder)


def _pairs(training: Training) -> pa.Table:
    ratings = training.ratings
    customer = np.repeat(np.arange(ratings.shape[0], dtype=np.int32), np.diff(ratings.indptr))
    return pa.table({"customer": customer, "item": ratings.indices, "rating": ratings.data})


def _fill(factors: Floats, solved: DataFrame) -> None:
    """Who bought nothing is unknown to MLlib: zero, as with ours."""
    rows = solved.toArrow()
    factors[:] = 0
    values = rows["features"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    factors[rows["id"].to_numpy()] = values.reshape(-1, factors.shape[1])
