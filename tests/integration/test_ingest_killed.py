"""Ingest killed before any of its commits, or told to read hours anew, ends with the same tables."""

import gzip
import time
from datetime import timedelta

import boto3
import pytest

from contracts import lease
from emr_jobs.lake import intake
from tests.landed_lines import NOW, KilledError, fates, killed_at, ledger, line, put, run, stored


@pytest.mark.parametrize("commits", [1, 2, 3, 4, 5])
def test_a_run_killed_before_any_commit_ends_right_when_run_again(spark, lake, source, commits):
    bad = b"500003,10001,x,many,2026-01-01,1.0,c1,France,%s-2\n" % source.encode()
    key = put(lake, f"{source}.csv", line(source, 1) + bad + line(source, 1))
    with pytest.raises(KilledError):
        run(spark, lake, check_lease=killed_at(commits))
    run(spark, lake)
    row = ledger(spark, key)
    assert (row["sale"], row["rejected"], row["duplicate"]) == (1, 1, 1)
    assert len(stored(spark, "orders", source)) == 1
    assert len(stored(spark, "rejects", source)) == 1


def test_what_a_killed_run_had_begun_to_commit_is_finished_and_told(spark, lake, source):
    put(lake, f"{source}.csv", line(source, 1))
    with pytest.raises(KilledError):
        run(spark, lake, run=77, check_lease=killed_at(3))
    said = []
    assert run(spark, lake, report=said.append).objects == 0
    assert [text.partition(" of ")[2].partition("-")[0] for text in said if "interrupted" in text] == ["77"]
    assert len(stored(spark, "orders", source)) == 1


def test_a_long_absence_is_caught_up_though_the_run_is_killed_half_way(spark, lake, source, monkeypatch):
    days = [NOW - timedelta(days=age) for age in (90, 89, 88)]
    for number, day in enumerate(days, start=1):
        put(lake, f"{source}-{number}.csv", line(source, number, time=day), hour=day)
    monkeypatch.setattr(intake, "BATCH_BYTES", 1)
    one_batch = 4  # the plan, two tables, the plan's end
    with pytest.raises(KilledError):
        run(spark, lake, first=days[0], last=days[-1], check_lease=killed_at(one_batch + 1))
    assert len(stored(spark, "orders", source)) == 1
    run(spark, lake, first=None)
    assert len(stored(spark, "orders", source)) == 3


@pytest.mark.parametrize("killed", [None, 3, 6])
def test_hours_that_are_read_anew_give_the_same_tables(spark, lake, source, killed):
    day = NOW - timedelta(days=60)
    put(lake, f"{source}-a.gz", gzip.compress(line(source, 1) + line(source, 2)), hour=day)
    put(lake, f"{source}-b.gz", gzip.compress(line(source, 2) + line(source, 3)), hour=day)
    put(lake, f"{source}-c.csv", b"no order line,%s-4\n" % source.encode(), hour=day)
    hours = {"first": day, "last": day + timedelta(hours=2)}
    run(spark, lake, **hours)
    before = [*(stored(spark, table, source) for table in ("orders", "rejects")), fates(spark, source)]
    if killed:
        with pytest.raises(KilledError):
            run(spark, lake, anew=True, check_lease=killed_at(killed), **hours)
        run(spark, lake)
    else:
        run(spark, lake, anew=True, **hours)
    after = [*(stored(spark, table, source) for table in ("orders", "rejects")), fates(spark, source)]
    assert after == before


def test_a_line_stays_when_the_object_that_has_it_is_read_anew_after_its_double_came(spark, lake, source):
    early, late = NOW - timedelta(days=30), NOW - timedelta(days=29)
    put(lake, f"{source}-a.csv", line(source, 1), hour=early)
    run(spark, lake, first=early, last=early)
    put(lake, f"{source}-b.csv", line(source, 1), hour=late)
    run(spark, lake, first=late, last=late)
    run(spark, lake, first=early, last=early, anew=True)
    assert [row["object"].rpartition("-")[2] for row in stored(spark, "orders", source)] == ["a.csv"]


def test_a_run_whose_lease_passed_on_commits_nothing(spark, lake, source):
    dynamodb = boto3.client("dynamodb")
    table = f"lease-{source}"
    dynamodb.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    now = int(time.time())
    first = lease.take(dynamodb, table, now)
    lease.release(dynamodb, table, first.number)
    lease.take(dynamodb, table, now)
    put(lake, f"{source}.csv", line(source, 1))
    with pytest.raises(lease.LeaseLostError, match="no longer holds the lease"):
        run(spark, lake, check_lease=lambda: lease.check(dynamodb, table, first.number, now))
    assert stored(spark, "orders", source) == []
