"""Judged lines into the tables orders and rejects; what the tables hold of them already. Called by ingest.

An insert-only MERGE is an anti-join and an append in Spark; they stand here as such, so that one judgement
serves both tables. The days touched are literal bounds: only their files are read.
"""

from collections.abc import Callable
from datetime import date, timedelta

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from emr_jobs.lake import tables

LANDED_DDL = ", ".join(f"`{name}` {kind}" for name, kind in (tables.ORDERS | tables.REJECTS).items())

_ACCEPTED = "reason IS NULL"
_REFUSED = "reason IS NOT NULL"


def commit_orders(judged: DataFrame, check_lease: Callable[[], None]) -> None:
    rows = judged.where("fresh").where(_ACCEPTED).select(*tables.ORDERS)
    check_lease()
    rows.writeTo(tables.full_name("orders")).append()


def commit_rejects(judged: DataFrame, check_lease: Callable[[], None]) -> None:
    rows = judged.where("fresh").where(_REFUSED).select(*tables.REJECTS)
    check_lease()
    rows.coalesce(1).writeTo(tables.full_name("rejects")).append()


def stored(spark: SparkSession, days: str) -> DataFrame:
    """event_id, object and line of the orders of these days, and of all rejects."""
    columns = ("event_id", "object", "line")
    orders = spark.table(tables.full_name("orders")).where(days).select(*columns)
    return orders.unionByName(spark.table(tables.full_name("rejects")).select(*columns))


def days_touched(landed: DataFrame) -> str:
    """The days of these lines' orders as SQL: literal ranges of `time`, one where days follow each other."""
    found = landed.where(_ACCEPTED).select(F.to_date("time")).distinct().collect()
    ranges: list[tuple[date, date]] = []
    for day in sorted(row[0] for row in found):
        if ranges and day - ranges[-1][1] <= timedelta(days=1):
            ranges[-1] = (ranges[-1][0], day)
        else:
            ranges.append((day, day))
    within = (
        f"(time >= TIMESTAMP'{first} 00:00:00' AND time < TIMESTAMP'{last + timedelta(days=1)} 00:00:00')"
        for first, last in ranges
    )
    return " OR ".join(within) or "false"
