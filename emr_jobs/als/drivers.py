"""The ways to train by name, and the choice between them by size. Used by the model."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emr_jobs.als import local
from emr_jobs.als.training import Trained, Training

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

AUTO, LOCAL, SPARK, MLLIB = "auto", "local", "spark", "mllib"
DRIVERS = (AUTO, LOCAL, SPARK, MLLIB)

PAIR_BYTES = 8  # that training adds for each pair: the ratings once more, by item
MEMORY_SHARE = 0.25  # of the machine: the ratings themselves are there too, and the rest of a run
SPARK_COST = 4  # the CPU of a half over Spark, in halves of one process (bench.als shows it)


@dataclass(frozen=True, slots=True)
class Choice:
    driver: str
    reason: str


def train(training: Training, driver: str = LOCAL, spark: "SparkSession | None" = None) -> Trained:
    """`auto` chooses by `choose`; all but `local` need a session."""
    if driver == AUTO:
        driver = choose(training, _slots(spark), _memory_bytes()).driver
    if driver == LOCAL:
        return local.fit(training)
    if driver not in DRIVERS:
        raise ValueError(f"there is no trainer {driver!r}: choose from {', '.join(DRIVERS)}")
    if spark is None:
        raise ValueError(f"the {driver} trainer needs a Spark session: pass one, or train with {LOCAL!r}")
    from emr_jobs.als import mllib
    from emr_jobs.als import spark as over_spark

    return over_spark.fit(training, spark) if driver == SPARK else mllib.fit(training, spark)


def choose(training: Training, slots: int, memory_bytes: int, cores: int = os.cpu_count() or 1) -> Choice:
    """One process while its memory suffices; Spark only with cores enough to make up for what it costs."""
    needed, given = PAIR_BYTES * training.ratings.nnz, int(MEMORY_SHARE * memory_bytes)
    size = f"{training.ratings.nnz:,} pairs need {needed / 2**30:.1f} GiB of {given / 2**30:.1f} here"
    if not slots:
        return Choice(LOCAL, f"no Spark session; {size}")
    if needed > given:
        return Choice(SPARK, size)
    if slots > SPARK_COST * cores:
        return Choice(SPARK, f"Spark's {slots} cores outdo the {cores} here, at {SPARK_COST} times the work")
    return Choice(LOCAL, f"{size}, and Spark's {slots} cores would not outdo the {cores} here")


def _slots(spark: "SparkSession | None") -> int:
    return int(spark.sparkContext.defaultParallelism) if spark else 0


def _memory_bytes() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
