"""The ledger: which objects are wholly accounted for, and every line of them by fate. Called by ingest."""

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from contracts.order_line import Fate
from emr_jobs import tables
from emr_jobs.objects import RawObject

Counts = dict[str, Counter[str]]  # by source: landed, last, and each fate

# The source and the sequence of an event id, as SQL; an id by content has neither.
_SOURCE = "regexp_extract(event_id, '^(.*)-([0-9]+)$', 1) AS source"
_LAST = "max(CAST(nullif(regexp_extract(event_id, '^(.*)-([0-9]+)$', 2), '') AS bigint)) AS last"


def known_objects(spark: SparkSession, first: datetime) -> set[str]:
    """The objects the ledger has, of the arrival hours from `first` on."""
    since = F.lit(first - timedelta(hours=1))
    ledger = spark.table(tables.full_name("ledger")).where(F.col("arrived") >= since)
    return {row[0] for row in ledger.select("object").collect()}


def commit_ledger(
    spark: SparkSession,
    landed: DataFrame,
    days: str,
    found: list[RawObject],
    run: int,
    check_lease: Callable[[], None],
) -> Counter[str]:
    """One row for each object, counted from what is stored; the answer is the sum of the fates."""
    counts = _landed_counts(landed)
    for key, by_source in _stored_counts(spark, days, found).items():
        for source, fates in by_source.items():
            counts[key][source].update(fates)
    rows = [_row(item, counts[item.key], run) for item in found]
    ddl = ", ".join(f"`{name}` {kind}" for name, kind in tables.LEDGER.items())
    check_lease()
    spark.createDataFrame(rows, ddl).coalesce(1).writeTo(tables.full_name("ledger")).append()
    return Counter({fate.value: sum(row[fate.value] for row in rows) for fate in Fate})


def _landed_counts(landed: DataFrame) -> defaultdict[str, Counts]:
    counts: defaultdict[str, Counts] = defaultdict(lambda: defaultdict(Counter))
    by_source = landed.selectExpr("object", _SOURCE, "event_id").groupBy("object", "source")
    for row in by_source.agg(F.count("*").alias("landed"), F.expr(_LAST)).collect():
        counts[row["object"]][row["source"]].update(landed=row["landed"], last=row["last"] or 0)
    return counts


def _stored_counts(spark: SparkSession, days: str, found: list[RawObject]) -> defaultdict[str, Counts]:
    objects = spark.createDataFrame([(item.key,) for item in found], "object string")
    orders = spark.table(tables.full_name("orders")).where(days)
    rejects = spark.table(tables.full_name("rejects")).withColumn("fate", F.lit(Fate.REJECTED.value))
    columns = ("object", _SOURCE, "fate")
    stored = orders.selectExpr(*columns).unionByName(rejects.selectExpr(*columns))
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
