"""The ledger: which objects are wholly accounted for, and every line of them by fate. Called by ingest."""

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from contracts.order_line import Fate
from emr_jobs import tables
from emr_jobs.objects import RawObject

Counts = dict[str, Counter[str]]  # by source: each fate, and the last sequence

# The source and the sequence of an event id, as SQL; an id by content has neither.
_SOURCE = "regexp_extract(event_id, '^(.*)-([0-9]+)$', 1) AS source"
_LAST = "max(CAST(nullif(regexp_extract(event_id, '^(.*)-([0-9]+)$', 2), '') AS bigint)) AS last"


def known_objects(spark: SparkSession, first: datetime) -> set[str]:
    """The objects the ledger has, of the arrival hours from `first` on."""
    since = F.lit(first - timedelta(hours=1))
    ledger = spark.table(tables.full_name("ledger")).where(F.col("arrived") >= since)
    return {row[0] for row in ledger.select("object").collect()}


def commit_ledger(
    spark: SparkSession, judged: DataFrame, found: list[RawObject], run: int, check_lease: Callable[[], None]
) -> Counter[str]:
    """One row for each object, after its lines are stored; the answer is the sum of the fates."""
    counts = _counts(judged)
    rows = [_row(item, counts[item.key], run) for item in found]
    ddl = ", ".join(f"`{name}` {kind}" for name, kind in tables.LEDGER.items())
    check_lease()
    spark.createDataFrame(rows, ddl).coalesce(1).writeTo(tables.full_name("ledger")).append()
    return Counter({fate.value: sum(row[fate.value] for row in rows) for fate in Fate})


def _counts(judged: DataFrame) -> defaultdict[str, Counts]:
    counts: defaultdict[str, Counts] = defaultdict(lambda: defaultdict(Counter))
    by_fate = judged.selectExpr("object", _SOURCE, "fate", "event_id").groupBy("object", "source", "fate")
    for row in by_fate.agg(F.count("*").alias("lines"), F.expr(_LAST)).collect():
        counted = counts[row["object"]][row["source"]]
        counted[row["fate"]] = row["lines"]
        counted["last"] = max(counted["last"], row["last"] or 0)
    return counts


def _row(item: RawObject, by_source: Counts, run: int) -> dict[str, Any]:
    sources = [
        {"source": source, "last": counted["last"], **_fates(counted)}
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
        **_fates(total),
        "sources": sources,
        "run": run,
        "ingested": datetime.now(UTC),
    }


def _fates(counted: Counter[str]) -> dict[str, int]:
    fates = {fate.value: counted[fate.value] for fate in Fate}
    return {"landed": sum(fates.values()), **fates}
