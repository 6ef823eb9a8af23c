"""The ledger: which objects are wholly accounted for, and every line of them by fate. Called by ingest."""

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from contracts.order_line import Fate
from emr_jobs.lake import tables
from emr_jobs.lake.objects import RawObject

Counts = defaultdict[str, Counter[str]]  # by source: landed, each fate, and the last sequence

# The source and the sequence of an event id, as SQL; an id by content has neither.
_SOURCE = "regexp_extract(event_id, '^(.*)-([0-9]+)$', 1) AS source"
_LAST = "max(CAST(nullif(regexp_extract(event_id, '^(.*)-([0-9]+)$', 2), '') AS bigint)) AS last"


def known_objects(spark: SparkSession, first: datetime) -> set[str]:
    """The objects the ledger has, of those that arrived from hour `first` on."""
    ledger = spark.table(tables.full_name("ledger")).where(F.col("arrived") >= F.lit(first))
    return {row[0] for row in ledger.select("object").collect()}


def newest_run(spark: SparkSession) -> datetime | None:
    """When the last object was accounted for; None where the ledger is empty."""
    found = spark.table(tables.full_name("ledger")).agg(F.max("ingested")).collect()[0][0]
    return found.astimezone(UTC) if found else None


def commit_ledger(
    spark: SparkSession,
    landed: DataFrame,
    judged: DataFrame,
    days: str,
    found: list[RawObject],
    run: int,
    check_lease: Callable[[], None],
) -> Counter[str]:
    """One row for each object, after its lines are stored; the answer is the sum of the fates.

    What landed is counted as it was read, what was accepted or refused as it is stored: a difference between
    the two is what `cadabra status` is there to find.
    """
    counts: defaultdict[str, Counts] = defaultdict(lambda: defaultdict(Counter))
    _count_landed(landed, counts)
    _count_fates(judged.where(F.col("fate") == Fate.DUPLICATE.value), counts)
    _count_fates(_stored(spark, days, found), counts)
    rows = [_row(item, counts[item.key], run) for item in found]
    ddl = ", ".join(f"`{name}` {kind}" for name, kind in tables.LEDGER.items())
    check_lease()
    spark.createDataFrame(rows, ddl).coalesce(1).writeTo(tables.full_name("ledger")).append()
    return Counter({fate.value: sum(row[fate.value] for row in rows) for fate in Fate})


def _count_landed(landed: DataFrame, counts: defaultdict[str, Counts]) -> None:
    by_source = landed.selectExpr("object", _SOURCE, "event_id").groupBy("object", "source")
    for row in by_source.agg(F.count("*").alias("lines"), F.expr(_LAST)).collect():
        counts[row["object"]][row["source"]].update(landed=row["lines"], last=row["last"] or 0)


def _count_fates(lines: DataFrame, counts: defaultdict[str, Counts]) -> None:
    for row in (
        lines.selectExpr("object", _SOURCE, "fate").groupBy("object", "source", "fate").count().collect()
    ):
        counts[row["object"]][row["source"]][row["fate"]] = row["count"]


def _stored(spark: SparkSession, days: str, found: list[RawObject]) -> DataFrame:
    """The lines of these objects as the tables hold them."""
    columns = ("object", "event_id", "fate")
    orders = spark.table(tables.full_name("orders")).where(days).select(*columns)
    rejects = spark.table(tables.full_name("rejects")).withColumn("fate", F.lit(Fate.REJECTED.value))
    objects = spark.createDataFrame([(item.key,) for item in found], "object string")
    stored = orders.unionByName(rejects.select(*columns))
    return stored.join(F.broadcast(objects), on="object", how="left_semi")


def _row(item: RawObject, by_source: Counts, run: int) -> dict[str, Any]:
    sources = [
        {"source": source, "last": counted["last"], **_lines(counted)}
        for source, counted in sorted(by_source.items())
    ]
    total: Counter[str] = Counter()
    for counted in by_source.values():
        total.update(counted)
    return {
        "object": item.key,
        "etag": item.etag,
        "bytes": item.bytes,
        "arrived": item.arrived,
        **_lines(total),
        "sources": sources,
        "run": run,
        "ingested": datetime.now(UTC),
    }


def _lines(counted: Counter[str]) -> dict[str, int]:
    return {name: counted[name] for name in ("landed", *Fate)}
