"""The SQL files of this folder, read as questions, and their answers from Spark. Used by report."""

from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

import pyarrow as pa

from emr_jobs.lake import tables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ORDERS = "orders"
_COMMENT = "-- "
_UNASKED = ("event_id", "object", "line")  # of orders: they tell where a line came from
_PARTITIONS = 16  # an answer is small: Spark's own 200 would take longer to start than to fill


@dataclass(frozen=True, slots=True)
class Question:
    name: str  # its file's
    text: str  # the file's first line
    grain: str  # what a row of the answer is
    sql: str

    @property
    def table(self) -> str:
        """The table without which it cannot be asked."""
        return self.name.partition("_")[0]

    @classmethod
    def read(cls, name: str, sql: str) -> "Question":
        """Raises ValueError where the file does not begin with its question and its grain."""
        lines = sql.splitlines()
        said = [line[len(_COMMENT) :] for line in lines if line.startswith(_COMMENT)]
        if not said or not lines[0].startswith(_COMMENT) or not said[0].endswith("?"):
            raise ValueError(f"{name}.sql does not begin with its question, as `-- What sells best?`")
        grain = " ".join(said[1:]).removeprefix("Grain: ")
        return cls(name, said[0], grain[:1].upper() + grain[1:], sql)


def questions() -> list[Question]:
    """All of them, by name; from the zip that EMR has as from a folder."""
    files = (file for file in resources.files(__package__).iterdir() if file.name.endswith(".sql"))
    return sorted((Question.read(file.name[:-4], file.read_text()) for file in files), key=lambda q: q.name)


def offer(spark: "SparkSession") -> frozenset[str]:
    """Make the lake's tables known under their own names; the answer is which there are.

    Orders are asked most: what is asked of them is read once, into memory or beside it.
    """
    spark.conf.set("spark.sql.shuffle.partitions", _PARTITIONS)
    spark.sql(f"USE {tables.CATALOG}.{tables.DATABASE}")
    there = frozenset(table.name for table in spark.catalog.listTables())
    if ORDERS in there:
        spark.table(tables.full_name(ORDERS)).drop(*_UNASKED).createOrReplaceTempView(ORDERS)
        spark.catalog.cacheTable(ORDERS)
    return there


def answer(spark: "SparkSession", question: Question) -> pa.Table:
    """A few hundred rows at most."""
    return spark.sql(question.sql).toArrow()
