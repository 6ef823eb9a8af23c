"""The lake's upkeep inside a run, when it is due: many small files, old snapshots, files nobody knows.

Called by ingest after its last commit. What is due stands in each table's own metadata: there is no other
state. Rows never change. A commit that meets another one fails in Iceberg, and is due again in the next run.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pyspark.sql import Row, SparkSession

from contracts.lease import LeaseLostError
from emr_jobs.lake import tables

DAY = timedelta(days=1)
MIB = 2**20

# A day is settled when Firehose has retried all it may, with an hour on either side, as ingest looks back.
SETTLED = DAY + timedelta(hours=26)
MANY_FILES = 12  # of one day: an hourly run leaves 24; with fewer a scan gains less than a rewrite costs
SMALL_FILE = 32 * MIB  # on average: opening a file of S3 costs about what reading some MiB does
DAYS_AT_ONCE = 30  # a month of history catches up each hour; a settled lake has one day due each day
BYTES_AT_ONCE = 2**30  # read and written again in some two minutes on the smallest cluster
MANY_MANIFESTS = 48  # two days of hourly commits: each reader opens them all before it reads a row
KEPT_FOR = timedelta(days=7)  # a week's worth of looking back, and of readers that began long ago
KEPT_SNAPSHOTS = 24  # also of a lake that rested for a while
SNAPSHOTS_AT_ONCE = 24  # expiring costs the same for one as for a day of them
ORPHAN_AGE = timedelta(days=3)  # no run lives so long: what is unreachable since then was left by a dead one
ORPHANS_REMOVED = "cadabra.orphans-removed"  # the table property that says when they were last looked for

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Condition:
    """A table's state, from its metadata file and manifest list alone."""

    name: str
    data_files: int
    manifests: int
    snapshots: tuple[datetime, ...]
    orphans_removed: datetime | None


@dataclass(frozen=True, slots=True)
class Crowd:
    """The data files of one day."""

    day: date
    files: int
    bytes: int


def maintain(
    spark: SparkSession,
    check_lease: Callable[[], None],
    now: datetime,
    report: Report,
    names: Sequence[str] = tuple(map(tables.full_name, tables.TABLES)),
) -> None:
    """What is due, table by table; each thing done is reported, and so is what failed: ingest stands.

    Raises LeaseLostError alone.
    """
    for name in names:
        for step, work in _STEPS.items():
            try:
                done = work(spark, condition(spark, name), check_lease, now)
            except LeaseLostError:
                raise
            except Exception as error:  # noqa: BLE001 (the run's orders are in: upkeep may not undo that)
                report(f"WARNING: {name}: {step} failed, the next run tries again: {_first_line(error)}")
            else:
                if done:
                    report(f"{name}: {done}")


def condition(spark: SparkSession, name: str) -> Condition:
    table = _table(spark, name)
    snapshot, properties = table.currentSnapshot(), table.properties()
    removed = properties.get(ORPHANS_REMOVED)
    return Condition(
        name,
        data_files=int(snapshot.summary().get("total-data-files") or 0) if snapshot else 0,
        manifests=snapshot.allManifests(table.io()).size() if snapshot else 0,
        snapshots=tuple(
            datetime.fromtimestamp(each.timestampMillis() / 1000, UTC) for each in table.snapshots()
        ),
        orphans_removed=datetime.fromisoformat(removed) if removed else None,
    )


def crowded(days: Iterable[Crowd], now: datetime) -> list[date]:
    """The settled days with many small files, the fullest first, as far as one run goes."""
    chosen: list[Crowd] = []
    room = BYTES_AT_ONCE
    for crowd in sorted(days, key=lambda crowd: (-crowd.files, crowd.day)):
        settled = datetime(crowd.day.year, crowd.day.month, crowd.day.day, tzinfo=UTC) + SETTLED <= now
        small = crowd.files >= MANY_FILES and crowd.bytes < crowd.files * SMALL_FILE
        if settled and small and (crowd.bytes <= room or not chosen) and len(chosen) < DAYS_AT_ONCE:
            chosen.append(crowd)
            room -= crowd.bytes
    return [crowd.day for crowd in chosen]


def expirable(snapshots: Iterable[datetime], now: datetime) -> int:
    """How many snapshots are neither young nor among the newest."""
    return sum(taken < now - KEPT_FOR for taken in sorted(snapshots, reverse=True)[KEPT_SNAPSHOTS:])


def orphans_due(found: Condition, now: datetime) -> bool:
    """Once a day by the wall clock; a table younger than an orphan has none."""
    old_enough = min(found.snapshots, default=now) <= now - ORPHAN_AGE
    return old_enough and (found.orphans_removed is None or found.orphans_removed <= now - DAY)


def _compact(spark: SparkSession, found: Condition, check_lease: Callable[[], None], now: datetime) -> str:
    if found.data_files < MANY_FILES:
        return ""
    columns = ("partition", "file_count", "total_data_file_size_in_bytes")
    partitions = spark.table(f"{found.name}.partitions").select(*columns).collect()
    days = crowded((Crowd(row[0][0], row[1], row[2]) for row in partitions), now)
    if not days:
        return ""
    check_lease()
    where = " OR ".join(_within(_day_column(spark, found.name), day) for day in days)
    done = _call(spark, "rewrite_data_files", found.name, where=f'"{where}"')
    if done["failed_data_files_count"]:
        raise RuntimeError(f"{done['failed_data_files_count']:,} files could not be rewritten")
    return (
        f"{done['rewritten_data_files_count']:,} small files of {_counted(len(days), 'day')} compacted into "
        f"{done['added_data_files_count']:,} ({done['rewritten_bytes_count'] / MIB:,.1f} MiB)"
    )


def _merge_manifests(
    spark: SparkSession, found: Condition, check_lease: Callable[[], None], _now: datetime
) -> str:
    if found.manifests < MANY_MANIFESTS:
        return ""
    check_lease()
    done = _call(spark, "rewrite_manifests", found.name)
    return f"{done['rewritten_manifests_count']:,} manifests merged into {done['added_manifests_count']:,}"


def _expire(spark: SparkSession, found: Condition, check_lease: Callable[[], None], now: datetime) -> str:
    count = expirable(found.snapshots, now)
    if count < SNAPSHOTS_AT_ONCE:
        return ""
    check_lease()
    done = _call(
        spark,
        "expire_snapshots",
        found.name,
        older_than=_timestamp(now - KEPT_FOR),
        retain_last=str(KEPT_SNAPSHOTS),
    )
    return f"{_counted(count, 'snapshot')} expired, {_counted(sum(done), 'file')} of theirs deleted"


def _remove_orphans(
    spark: SparkSession, found: Condition, check_lease: Callable[[], None], now: datetime
) -> str:
    if not orphans_due(found, now):
        return ""
    check_lease()
    removed = _rows(
        spark,
        "remove_orphan_files",
        found.name,
        older_than=_timestamp(now - ORPHAN_AGE),
        prefix_listing="true",  # as S3FileIO lists: Spark has no S3 of its own
    )
    check_lease()
    when = now.astimezone(UTC).isoformat(timespec="seconds")
    spark.sql(f"ALTER TABLE {found.name} SET TBLPROPERTIES ('{ORPHANS_REMOVED}' = '{when}')")
    return f"{_counted(len(removed), 'orphan file')} removed" if removed else ""


_STEPS = {
    "compaction": _compact,
    "merging manifests": _merge_manifests,
    "expiring snapshots": _expire,
    "removing orphan files": _remove_orphans,
}


def _call(spark: SparkSession, procedure: str, name: str, **arguments: str) -> Row:
    return _rows(spark, procedure, name, **arguments)[0]


def _rows(spark: SparkSession, procedure: str, name: str, **arguments: str) -> list[Row]:
    """One of Iceberg's own procedures; it commits once, at its end."""
    given = "".join(f", {key} => {value}" for key, value in arguments.items())
    return spark.sql(f"CALL {tables.CATALOG}.system.{procedure}(table => '{name}'{given})").collect()


def _table(spark: SparkSession, name: str) -> Any:
    """Iceberg's own table: asking it takes milliseconds, a metadata query a Spark job."""
    java: Any = spark
    table = java._jvm.org.apache.iceberg.spark.Spark3Util.loadIcebergTable(java._jsparkSession, name)  # noqa: SLF001 (Python has no name for it)
    table.refresh()
    return table


def _day_column(spark: SparkSession, name: str) -> str:
    table = _table(spark, name)
    return str(table.schema().findColumnName(table.spec().fields().get(0).sourceId()))


def _within(column: str, day: date) -> str:
    first, after = (f"TIMESTAMP '{each} 00:00:00'" for each in (day, day + DAY))
    return f"({column} >= {first} AND {column} < {after})"


def _timestamp(time: datetime) -> str:
    return f"TIMESTAMP '{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}'"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
