"""Which objects an ingest takes: by the hours they arrived in, however late, and each of them once."""

import gzip
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from contracts import s3_layout
from emr_jobs.lake import accounts, iceberg
from emr_jobs.lake.arrivals import oldest_arrival
from tests.landed_lines import NOW, ledger, line, put, run, stored


def test_an_object_that_changed_after_it_was_taken_is_told_of(spark, lake, source):
    key = put(lake, f"{source}.csv", line(source, 1))
    run(spark, lake)
    put(lake, f"{source}.csv", line(source, 2))
    said = []
    run(spark, lake, report=said.append)
    assert any(key in text and "--rebuild" in text for text in said)
    put(lake, f"{source}.csv", line(source, 1))


def test_an_object_twenty_hours_late_under_an_old_prefix_is_found(spark, lake, source):
    late = NOW - timedelta(hours=20)
    put(lake, f"{source}.gz", gzip.compress(line(source, 1, time=late)), hour=late)
    run(spark, lake)
    assert len(stored(spark, "orders", source)) == 1


def test_hours_in_which_nothing_ran_are_caught_up(spark, lake, source):
    long_ago = NOW - timedelta(days=40)
    put(lake, f"{source}.gz", gzip.compress(line(source, 1, time=long_ago)), hour=long_ago)
    run(spark, lake, first=long_ago)
    assert len(stored(spark, "orders", source)) == 1
    found = accounts.Ledger.read(spark, boto3.client("s3"), iceberg.layouts(spark)["ledger"])
    assert found.newest_run() >= NOW


def test_the_first_run_of_all_begins_with_the_oldest_object(local_aws):  # noqa: ARG001 (it sets the environment)
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="oldest")
    assert oldest_arrival(s3, "oldest") is None
    put("oldest", "young.gz", b"", hour=NOW)
    put("oldest", "old.gz", b"", hour=datetime(2026, 3, 1, 9, tzinfo=UTC))
    s3.put_object(Bucket="oldest", Key="orders/2026/04/01/09/plain", Body=b"")
    assert oldest_arrival(s3, "oldest") == datetime(2026, 3, 1, 9, tzinfo=UTC)


def test_objects_under_an_emulators_literal_prefix_are_taken_in_their_own_hour_only(spark, lake, source):
    old = NOW - timedelta(days=3)
    literal = s3_layout.FIREHOSE_PREFIX + f"orders-1-{old:%Y-%m-%d-%H-%M-%S}-{source}.gz"
    boto3.client("s3").put_object(Bucket=lake, Key=literal, Body=gzip.compress(line(source, 1)))
    run(spark, lake)
    assert stored(spark, "orders", source) == []
    run(spark, lake, first=old - timedelta(hours=1))
    run(spark, lake, first=old - timedelta(hours=1))
    assert ledger(spark, literal)["sale"] == 1


@pytest.mark.parametrize("age", [timedelta(hours=1), timedelta(days=800)])
def test_a_long_range_is_listed_at_once_and_finds_what_hour_by_hour_finds(spark, lake, source, age):
    """And what was laid beside the hours by hand arrived when it was laid there."""
    put(lake, f"{source}.csv", line(source, 1))
    boto3.client("s3").put_object(Bucket=lake, Key=f"orders/{source}.csv", Body=line(source, 2))
    run(spark, lake, first=NOW - age, last=NOW + timedelta(hours=1))
    assert len(stored(spark, "orders", source)) == 2


def test_an_hour_is_taken_once_though_the_range_begins_within_it(spark, lake, source):
    key = put(lake, f"{source}.csv", line(source, 1))
    within = NOW.replace(minute=0, second=0) + timedelta(minutes=59)
    for _ in range(2):
        run(spark, lake, first=within)
    assert ledger(spark, key)["sale"] == 1
