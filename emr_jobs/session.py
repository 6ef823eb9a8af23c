"""The run's Spark session: it reads the lake's orders, and stays only for a trainer that needs it."""

from datetime import datetime

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from contracts.arguments import LOCAL
from emr_jobs.als import drivers
from emr_jobs.als.drivers import Trainer
from emr_jobs.lake import tables
from emr_jobs.orders import COLUMNS, USED_FATES


class NoOrdersError(RuntimeError):
    """There is nothing to learn from."""


class Session:
    """Started when the orders are read."""

    def __init__(self, asked: str) -> None:
        self._asked = asked  # the trainer, or `auto`
        self._spark: SparkSession | None = None

    def read(self, before: datetime) -> pa.Table:
        self._spark = SparkSession.builder.appName("cadabra retrain").getOrCreate()
        return read_lake(self._spark, before)

    def trainer(self, pairs: int) -> Trainer:
        """Who trains on so many pairs; one process needs no session beside it."""
        found = drivers.chosen(self._asked, pairs, self._spark)
        if found.driver == LOCAL:
            self.stop()
        return found

    def stop(self) -> None:
        if self._spark:
            self._spark.stop()
        self._spark = None


def read_lake(spark: SparkSession, before: datetime) -> pa.Table:
    """Only what the model uses of the order lines, in one job."""
    name = tables.full_name("orders")
    if not spark.catalog.tableExists(name):
        raise NoOrdersError(f"there is no table {name} yet: ingest makes it from the first orders")
    used = F.col("fate").isin([str(fate) for fate in USED_FATES])
    columns = {column: F.col(column) for column in COLUMNS}
    columns["unit_price"] = columns["unit_price"].cast("float").alias("unit_price")
    earlier = F.col("time") < F.lit(before)
    return spark.table(name).where(earlier & used).select(*columns.values()).toArrow()
