"""Landed lines into the tables orders and rejects, without those that are there already. Called by ingest.

An insert-only MERGE is an anti-join and an append in Spark; they stand here as such, so that one set of known
ids serves both tables. The days touched are literal bounds: only their files are read.
"""

from collections.abc import Callable
from datetime import date, timedelta

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from emr_jobs import tables

LANDED_DDL = ", ".join(f"`{name}` {kind}" for name, kind in (tables.ORDERS | tables.REJECTS).items())

_ACCEPTED = "reason IS NULL"
_REFUSED = "reason IS NOT NULL"
_HAS_ID = "event_id <> ''"
_NO_ID = "event_id = ''"


def first_of_each(landed: DataFrame) -> DataFrame:
    """Of the lines with one event id the first by (object, line); lines without an id stay."""
    place = Window.partitionBy("event_id").orderBy("object", "line")
    with_id = (
        landed.where(_HAS_ID).withColumn("copy", F.row_number().over(place)).where("copy = 1").drop("copy")
    )
    return with_id.unionByName(landed.where(_NO_ID))


def commit_orders(spark: SparkSession, landed: DataFrame, days: str, check_lease: Callable[[], None]) -> None:
    fresh = first_of_each(landed).where(_ACCEPTED).select(*tables.ORDERS)
    rows = fresh.join(known_ids(spark, days), on="event_id", how="left_anti").select(*tables.ORDERS)
    check_lease()
    rows.writeTo(tables.full_name("orders")).append()


def commit_rejects(
    spark: SparkSession, landed: DataFrame, days: str, check_lease: Callable[[], None]
) -> None:
    if landed.where(_REFUSED).isEmpty():
        return
    stored = spark.table(tables.full_name("rejects"))
    refused = first_of_each(landed).where(_REFUSED).select(*tables.REJECTS)
    unknown = refused.where(_HAS_ID).join(known_ids(spark, days), on="event_id", how="left_anti")
    rows = (
        unknown.unionByName(refused.where(_NO_ID))
        .join(stored.select("object", "line"), on=["object", "line"], how="left_anti")
        .select(*tables.REJECTS)
    )
    check_lease()
    rows.writeTo(tables.full_name("rejects")).append()


def known_ids(spark: SparkSession, days: str) -> DataFrame:
    """The event ids already stored: as orders of these days, or as rejects."""
    orders = spark.table(tables.full_name("orders")).where(days).select("event_id")
    rejects = spark.table(tables.full_name("rejects")).where(_HAS_ID).select("event_id")
    return orders.unionByName(rejects)


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
