"""Landed lines into the tables orders and rejects, without those that are there already. Called by ingest.

An insert-only MERGE is an anti-join and an append in Spark; they stand here as such, so that one set of known
ids serves both tables. The days touched are literal bounds: only their files are read.
"""

from collections.abc import Callable
from functools import reduce

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from emr_jobs import tables

LANDED_DDL = ", ".join(f"`{name}` {kind}" for name, kind in (tables.ORDERS | tables.REJECTS).items())

_accepted = F.col("reason").isNull()
_has_id = F.col("event_id") != ""


def first_of_each(landed: DataFrame) -> DataFrame:
    """Of the lines with one event id the first by (object, line); lines without an id stay."""
    place = Window.partitionBy("event_id").orderBy("object", "line")
    with_id = (
        landed.where(_has_id).withColumn("copy", F.row_number().over(place)).where("copy = 1").drop("copy")
    )
    return with_id.unionByName(landed.where(~_has_id))


def commit_orders(spark: SparkSession, landed: DataFrame, check_lease: Callable[[], None]) -> None:
    fresh = first_of_each(landed).where(_accepted).select(*tables.ORDERS)
    known = known_ids(spark, landed)
    rows = fresh.join(known, on="event_id", how="left_anti").select(*tables.ORDERS)
    check_lease()
    rows.writeTo(tables.full_name("orders")).append()


def commit_rejects(spark: SparkSession, landed: DataFrame, check_lease: Callable[[], None]) -> None:
    if landed.where(~_accepted).isEmpty():
        return
    stored = spark.table(tables.full_name("rejects"))
    refused = first_of_each(landed).where(~_accepted).select(*tables.REJECTS)
    elsewhere = refused.where(_has_id).join(known_ids(spark, landed), on="event_id", how="left_anti")
    rows = (
        elsewhere.unionByName(refused.where(~_has_id))
        .join(stored.select("object", "line"), on=["object", "line"], how="left_anti")
        .select(*tables.REJECTS)
    )
    check_lease()
    rows.writeTo(tables.full_name("rejects")).append()


def known_ids(spark: SparkSession, landed: DataFrame) -> DataFrame:
    """The event ids already stored, as orders of the days these lines touch or as rejects."""
    orders = spark.table(tables.full_name("orders")).where(days_touched(landed)).select("event_id")
    rejects = spark.table(tables.full_name("rejects")).where(_has_id).select("event_id")
    return orders.unionByName(rejects)


def days_touched(landed: DataFrame) -> Column:
    """The days of these lines' orders as literal ranges of `time`, joined where days follow each other."""
    days = sorted(row[0] for row in landed.where(_accepted).select(F.to_date("time")).distinct().collect())
    if not days:
        return F.lit(value=False)
    ranges = [(days[0], days[0])]
    for day in days[1:]:
        if (day - ranges[-1][1]).days <= 1:
            ranges[-1] = (ranges[-1][0], day)
        else:
            ranges.append((day, day))
    within = (
        (F.col("time") >= F.lit(first).cast("timestamp"))
        & (F.col("time") < F.date_add(F.lit(last), 1).cast("timestamp"))
        for first, last in ranges
    )
    return reduce(lambda left, right: left | right, within)
