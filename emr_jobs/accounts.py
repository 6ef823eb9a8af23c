"""The ledger: which objects are wholly accounted for, and every line of them by fate. Called by ingest."""

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from contracts.order_line import Fate
from emr_jobs import tables
from emr_jobs.landing import days_touched
from emr_jobs.objects import RawObject

Counts = dict[str, Counter[str]]  # by source: landed, last, and each fate

_ID = r"^(.*)-([0-9]+)$"
_source: Column = F.regexp_extract("event_id", _ID, 1)
_sequence: Column = F.when(F.col("event_id").rlike(_ID), F.regexp_extract("event_id", _ID, 2)).otherwise("0")


def known_objects(spark: SparkSession, first: datetime) -> set[str]:
    """The objects the ledger has, of the arrival hours from `first` on."""
    since = F.lit(first - timedelta(hours=1))
    ledger = spark.table(tables.full_name("ledger")).where(F.col("arrived") >= since)
    return {row[0] for row in ledger.select("object").collect()}


def commit_ledger(
    spark: SparkSession, landed: DataFrame, found: list[RawObject], run: int, check_lease: Callable[[], None]
) -> Counter[str]:
    """One row for each object, counted from what is stored; the answer is the sum of the fates."""
    counts = _landed_counts(landed)
    for key, by_source in _stored_counts(spark, landed, found).items():
        for source, fates in by_source.items():
            counts[key][source].update(fates)
    rows = [_row(item, counts[item.key], run) for item in found]
    ddl = ", ".join(f"`{name}` {kind}" for name, kind in tables.LEDGER.items())
    check_lease()
    spark.createDataFrame(rows, ddl).coalesce(1).writeTo(tables.full_name("ledger")).append()
    return Counter({fate.value: sum(row[fate.value] for row in rows) for fate in Fate})


def _landed_counts(landed: DataFrame) -> defaultdict[str, Counts]:
    counts: defaultdict[str, Counts] = defaultdict(lambda: defaultdict(Counter))
    sums = landed.groupBy("object", _source.alias("source")).agg(
        F.count("*").alias("landed"), F.max(_sequence.cast("bigint")).alias("last")
    )
    for row in sums.collect():
        counts[row["object"]][row["source"]].update(landed=row["landed"], last=row["last"])
    return counts


def _stored_counts(
    spark: SparkSession, landed: DataFrame, found: list[RawObject]
) -> defaultdict[str, Counts]:
    objects = spark.createDataFrame([(item.key,) for item in found], "object string")
    orders = spark.table(tables.full_name("orders")).where(days_touched(landed))
    rejects = spark.table(tables.full_name("rejects")).withColumn("fate", F.lit(Fate.REJECTED.value))
    columns = ("object", _source.alias("source"), "fate")
    stored = orders.select(*columns).unionByName(rejects.select(*columns))
    sums = stored.join(F.broadcast(objects), on="object", how="left_semi")
    counts: defaultdict[str, Counts] = defaultdict(lambda: defaultdict(Counter))
    for row in sums.groupBy("object", "source", "fate").count().collect():
        counts[row["object"]][row["source"]][row["fate"]] = row["count"]
    return counts


def _row(item: RawObject, by_source: Counts, run: int) -> dict[str, object]:
    sources = [_with_duplicates(source, by_source[source]) for source in sorted(by_source)]
    total: Counter[str] = Counter()
    for source in sources:
        total.update({name: int(source[name]) for name in ("landed", *Fate)})
    return {
        "object": item.key,
        "etag": item.etag,
        "bytes": item.bytes,
        "arrived": item.arrived,
        "landed": total["landed"],
        **{fate.value: total[fate.value] for fate in Fate},
        "sources": sources,
        "run": run,
        "ingested": datetime.now(UTC),
    }


def _with_duplicates(source: str, counts: Counter[str]) -> dict[str, str | int]:
    """A landed line that is stored nowhere under its object is a double of one that is."""
    stored = sum(counts[fate.value] for fate in Fate)
    fates = {fate.value: counts[fate.value] for fate in Fate}
    fates[Fate.DUPLICATE.value] = counts["landed"] - stored
    return {"source": source, "last": counts["last"], "landed": counts["landed"], **fates}
