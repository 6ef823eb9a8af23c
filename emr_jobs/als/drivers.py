"""The ways to train by name, and the choice between them by size. Used by the model."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contracts.arguments import AUTO, LOCAL, MLLIB, SPARK
from emr_jobs.als import local
from emr_jobs.als.objective import Objective
from emr_jobs.als.training import Trained, Training
from emr_jobs.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PAIR_BYTES = 8  # that training adds for each pair: the ratings once more, by item
MEMORY_SHARE = 0.25  # of the machine: the ratings themselves are there too, and the rest of a run
SPARK_COST = 4  # the CPU of a half over Spark, in halves of one process (bench.als shows it)


@dataclass(frozen=True, slots=True)
class Trainer:
    """Who trains in a run: a driver, why it was chosen, and the session of one that needs it."""

    driver: str = LOCAL
    reason: str = "asked for"
    spark: "SparkSession | None" = None

    def __str__(self) -> str:
        return f"{self.driver} trainer ({self.reason})"

    @property
    def starts_warm(self) -> bool:
        """MLlib can only begin by its own seed."""
        return self.driver != MLLIB

    def objective(self, settings: Settings) -> Objective:
        """MLlib's ridge counts the pairs bought, and no others."""
        return Objective.of(settings, everywhere=self.driver != MLLIB)

    def train(self, training: Training, seed: int = 0) -> Trained:
        """`seed` is of a driver that makes its own start."""
        if self.driver == LOCAL:
            return local.fit(training)
        if self.driver not in (SPARK, MLLIB):
            raise ValueError(f"there is no trainer {self.driver!r}: choose {LOCAL}, {SPARK} or {MLLIB}")
        if self.spark is None:
            raise ValueError(f"the {self.driver} trainer needs a Spark session: pass one, or train {LOCAL!r}")
        from emr_jobs.als import mllib
        from emr_jobs.als import spark as over_spark

        if self.driver == MLLIB:
            return mllib.fit(training, self.spark, seed)
        return over_spark.fit(training, self.spark)


ALONE = Trainer()  # in one process: what trains where nothing else is chosen


def chosen(asked: str, pairs: int, spark: "SparkSession | None") -> Trainer:
    """The driver asked for; `auto` chooses by what there is to train on, here and in the session."""
    if asked != AUTO:
        return Trainer(asked, spark=spark)
    slots = int(spark.sparkContext.defaultParallelism) if spark else 0
    memory_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    driver, reason = by_size(pairs, slots, memory_bytes, os.cpu_count() or 1)
    return Trainer(driver, reason, spark)


def by_size(pairs: int, slots: int, memory_bytes: int, cores: int) -> tuple[str, str]:
    """One process while its memory suffices; Spark only with cores enough to make up for what it costs."""
    needed, given = PAIR_BYTES * pairs, int(MEMORY_SHARE * memory_bytes)
    if not slots or (needed <= given and slots <= SPARK_COST * cores):
        return LOCAL, f"{pairs:,} pairs fit one process"
    if needed > given:
        size = f"{needed / 2**30:.1f} GiB, more than {given / 2**30:.1f} here"
        return SPARK, f"{pairs:,} pairs need {size}"
    return SPARK, f"Spark's {slots} cores outdo the {cores} here, at {SPARK_COST} times the work"
