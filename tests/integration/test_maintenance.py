"""Upkeep changes no row, leaves what readers need, and does only what is due: real Spark, Iceberg and S3."""

import itertools
import threading
import uuid
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from contracts.lease import LeaseLostError
from emr_jobs.lake import maintenance

NOW = datetime.now(UTC)
SETTLED = (NOW - timedelta(days=10)).replace(hour=12, minute=0, second=0, microsecond=0)
FILES = maintenance.MANY_FILES + 2


@pytest.fixture
def orders(spark):
    """A small table of orders for one test alone."""
    database = f"upkeep_{uuid.uuid4().hex}"
    spark.sql(f"CREATE NAMESPACE lake.{database}")
    name = f"lake.{database}.orders"
    spark.sql(
        f"CREATE TABLE {name} (event_id string, customer string, time timestamp) USING iceberg "
        "PARTITIONED BY (days(time)) TBLPROPERTIES ('write.distribution-mode' = 'none')"
    )
    yield name
    spark.sql(f"DROP TABLE {name} PURGE")
    spark.sql(f"DROP NAMESPACE lake.{database}")


@pytest.fixture
def later(spark):
    """Iceberg trusts nobody who calls a file of today three days old, unless in a test."""
    conf = spark._jsparkSession.sessionState().conf()
    conf.setConfString("spark.testing", "true")
    yield NOW + maintenance.ORPHAN_AGE + timedelta(hours=1)
    conf.unsetConf("spark.testing")


def add(spark, name, day, files=FILES, source="shop"):
    """One commit with so many files of one row each."""
    one_each = spark.range(1, files + 1, 1, numPartitions=files).selectExpr(
        f"concat('{source}-', id) AS event_id",
        "concat('c', id % 3) AS customer",
        f"TIMESTAMP '{day:%Y-%m-%d %H:%M:%S}' AS time",
    )
    one_each.writeTo(name).append()


def rows(spark, name, version=None):
    of = f"VERSION AS OF {version}" if version else ""
    return sorted(tuple(row) for row in spark.sql(f"SELECT * FROM {name} {of}").collect())


def files(spark, name):
    return {row[0] for row in spark.sql(f"SELECT file_path FROM {name}.files").collect()}


def snapshots(spark, name):
    found = spark.sql(f"SELECT snapshot_id FROM {name}.snapshots ORDER BY committed_at")
    return [row[0] for row in found.collect()]


def keep(spark, name, now=NOW, check_lease=lambda: None):
    """The lines that maintenance reports."""
    said = []
    maintenance.maintain(spark, check_lease, now, said.append, [name])
    return said


def place(path):
    bucket, _, key = path.partition("://")[2].partition("/")
    return {"Bucket": bucket, "Key": key}


def is_there(path):
    return "Contents" in boto3.client("s3").list_objects_v2(
        Bucket=place(path)["Bucket"], Prefix=place(path)["Key"]
    )


def put_orphan(spark, name):
    """A data file as a run leaves it that is killed before it commits."""
    reachable = min(files(spark, name))
    orphan = reachable.rpartition("/")[0] + "/killed.parquet"
    boto3.client("s3").put_object(**place(orphan), Body=b"half a file")
    return orphan


def test_many_small_files_of_a_settled_day_become_one_with_the_same_rows(spark, orders):
    add(spark, orders, SETTLED)
    before = rows(spark, orders)
    assert len(files(spark, orders)) == FILES
    (said,) = keep(spark, orders)
    assert f"{FILES} small files of 1 day compacted into 1" in said
    assert len(files(spark, orders)) == 1
    assert rows(spark, orders) == before


def test_what_is_compacted_is_not_due_again(spark, orders):
    add(spark, orders, SETTLED)
    keep(spark, orders)
    before = snapshots(spark, orders)
    assert keep(spark, orders) == []
    assert snapshots(spark, orders) == before


def test_a_day_that_still_grows_and_a_day_of_few_files_are_left_alone(spark, orders):
    add(spark, orders, NOW)
    add(spark, orders, SETTLED, files=3, source="other")
    before = files(spark, orders)
    assert keep(spark, orders) == []
    assert files(spark, orders) == before


def test_a_reader_of_a_kept_snapshot_still_finds_its_files(spark, orders, later):
    add(spark, orders, SETTLED)
    (read,) = snapshots(spark, orders)
    before = rows(spark, orders)
    for now in (NOW, later):
        keep(spark, orders, now=now)
    assert rows(spark, orders, version=read) == before


def test_old_snapshots_expire_with_their_files_and_the_newest_stay(spark, orders, monkeypatch):
    monkeypatch.setattr(maintenance, "KEPT_SNAPSHOTS", 2)
    monkeypatch.setattr(maintenance, "SNAPSHOTS_AT_ONCE", 1)
    add(spark, orders, SETTLED)
    replaced = files(spark, orders)
    keep(spark, orders)
    add(spark, orders, SETTLED, files=1, source="later")
    before, taken = rows(spark, orders), snapshots(spark, orders)
    assert keep_but_orphans(spark, orders, NOW + timedelta(days=6)) == []
    (said,) = keep_but_orphans(spark, orders, NOW + maintenance.KEPT_FOR + timedelta(hours=1))
    assert "1 snapshot expired" in said
    assert snapshots(spark, orders) == taken[1:]
    assert rows(spark, orders) == before
    assert not any(is_there(path) for path in replaced)


def keep_but_orphans(spark, name, now):
    """As keep, in a table in which orphans were looked for just now."""
    mark(spark, name, now)
    return keep(spark, name, now)


def mark(spark, name, when):
    spark.sql(
        f"ALTER TABLE {name} SET TBLPROPERTIES ('{maintenance.ORPHANS_REMOVED}' = '{when.isoformat()}')"
    )


def test_many_manifests_are_merged(spark, orders, monkeypatch):
    monkeypatch.setattr(maintenance, "MANY_MANIFESTS", 3)
    for source in ("a", "b", "c"):
        add(spark, orders, SETTLED, files=1, source=source)
    before = rows(spark, orders)
    assert [said.partition(": ")[2] for said in keep(spark, orders)] == ["3 manifests merged into 1"]
    assert rows(spark, orders) == before
    assert keep(spark, orders) == []


def test_a_file_that_no_snapshot_knows_goes_and_the_others_stay(spark, orders, later):
    add(spark, orders, SETTLED, files=2)
    known, orphan, before = files(spark, orders), put_orphan(spark, orders), rows(spark, orders)
    (said,) = keep(spark, orders, now=later)
    assert "1 orphan file removed" in said
    assert not is_there(orphan)
    assert all(is_there(path) for path in known)
    assert rows(spark, orders) == before


def test_a_young_file_that_no_snapshot_knows_is_left_to_the_run_that_may_commit_it(
    spark, orders, later, monkeypatch
):
    monkeypatch.setattr(maintenance, "orphans_due", lambda _found, _now: True)
    add(spark, orders, SETTLED, files=2)
    orphan = put_orphan(spark, orders)
    assert keep(spark, orders, now=later - timedelta(hours=2)) == []
    assert is_there(orphan)
    assert len(keep(spark, orders, now=later)) == 1


def test_orphans_are_looked_for_once_a_day(spark, orders, later):
    add(spark, orders, SETTLED, files=2)
    keep(spark, orders, now=later)
    orphan = put_orphan(spark, orders)
    assert keep(spark, orders, now=later + timedelta(hours=23)) == []
    assert is_there(orphan)
    assert len(keep(spark, orders, now=later + timedelta(hours=25))) == 1


def test_a_run_that_lost_its_lease_commits_nothing(spark, orders, later, monkeypatch):
    monkeypatch.setattr(maintenance, "MANY_MANIFESTS", 1)
    monkeypatch.setattr(maintenance, "KEPT_SNAPSHOTS", 1)
    monkeypatch.setattr(maintenance, "SNAPSHOTS_AT_ONCE", 1)
    add(spark, orders, SETTLED)
    add(spark, orders, SETTLED, files=1)
    orphan, before = put_orphan(spark, orders), snapshots(spark, orders)

    def lost():
        raise LeaseLostError("run 1 no longer holds the lease")

    for step in maintenance._STEPS.values():
        found = maintenance.condition(spark, orders)
        with pytest.raises(LeaseLostError):
            step(spark, found, lost, later + timedelta(days=5))
    with pytest.raises(LeaseLostError):
        keep(spark, orders, now=later, check_lease=lost)
    assert snapshots(spark, orders) == before
    assert is_there(orphan)


def test_a_step_that_fails_is_said_and_the_others_go_on(spark, orders, later, monkeypatch):
    add(spark, orders, SETTLED)
    orphan, before = put_orphan(spark, orders), rows(spark, orders)
    monkeypatch.setattr(maintenance, "_within", lambda _column, _day: "no column = 1")
    warning, removed = keep(spark, orders, now=later)
    assert warning.startswith(f"WARNING: {orders}: compaction failed, the next run tries again: ")
    assert "1 orphan file removed" in removed
    assert not is_there(orphan)
    assert rows(spark, orders) == before


def test_a_compaction_broken_off_leaves_the_rows_and_is_done_by_the_next_run(spark, orders):
    add(spark, orders, SETTLED)
    before, taken = rows(spark, orders), snapshots(spark, orders)
    over = threading.Event()

    def cancel():
        """Every Spark job from now on, as soon as it runs."""
        while not over.is_set():
            if spark.sparkContext.statusTracker().getActiveJobsIds():
                spark.sparkContext.cancelAllJobs()

    breaker = threading.Thread(target=cancel)
    started = itertools.count()

    def check_lease():
        if next(started) == 0:
            breaker.start()

    try:
        (said,) = keep(spark, orders, check_lease=check_lease)
    finally:
        over.set()
        breaker.join()
    assert said.startswith(f"WARNING: {orders}: compaction failed")
    assert snapshots(spark, orders) == taken
    assert rows(spark, orders) == before
    assert len(keep(spark, orders)) == 1
    assert len(files(spark, orders)) == 1
    assert rows(spark, orders) == before
