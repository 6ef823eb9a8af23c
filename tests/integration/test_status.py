"""`cadabra status` sees what is in S3, in the lake and in the lease: real Iceberg, real (emulated) AWS."""

import time
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import boto3
import pytest

from contracts import lease, s3_layout
from contracts.order_line import Fate
from emr_jobs.lake import tables
from infra import clients
from infra.lake import arrivals, status
from infra.lake import tables as looked_at
from infra.lake.recount import Difference, recount
from infra.stack import Stack

HOUR = datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.fixture
def empty_lake(spark, monkeypatch):
    """An empty lake of its own; `cadabra status` reads it without Spark."""
    database = f"status_{uuid.uuid4().hex}"
    spark.sql(f"CREATE NAMESPACE lake.{database}")
    for table in tables.TABLES:
        statement = tables.create_statement(table)
        spark.sql(statement.replace(tables.full_name(table), f"lake.{database}.{table}"))
    monkeypatch.setattr(looked_at, "DATABASE", database)
    clients.forget()
    yield f"lake.{database}"
    clients.forget()


@pytest.fixture
def stack(place):
    """What of a deployed stack status asks: a bucket, a table and a queue."""
    queue = boto3.client("sqs").create_queue(QueueName=place)["QueueUrl"]
    return Stack("cadabra", place, place, place, "", "", queue, "", "", "", "")


def add(spark, name, table, **row):
    schema = spark.table(f"{name}.{table}").schema
    spark.createDataFrame([row], schema).writeTo(f"{name}.{table}").append()


def order(spark, name, number, key, time=HOUR, fate="sale"):
    what = {"invoice": "1", "stock_code": "10001", "description": "Lamp", "quantity": 1}
    who = {"unit_price": Decimal("2.5"), "customer": "c1", "country": "France", "event_id": f"shop-{number}"}
    add(spark, name, "orders", **what, **who, time=time, fate=fate, object=key, line=number)


def reject(spark, name, number, key):
    why = {"reason": "columns", "detail": "three", "event_id": "", "raw": b"a"}
    add(spark, name, "rejects", object=key, line=number, arrived=HOUR, **why)


def account(spark, name, key, lines, **fates):
    """The ledger's row of an object that holds these lines (first, last) of one source."""
    first, last = lines
    counts = {"landed": sum(fates.values()), **{fate.value: fates.get(fate, 0) for fate in Fate}}
    entry = {"source": "shop", "last": last, "ranges": [{"first": first, "last": last}], **counts}
    place = {"object": key, "etag": "e", "bytes": 1, "arrived": HOUR}
    add(spark, name, "ledger", **place, **counts, sources=[entry], run=1, ingested=HOUR)


def put(bucket, key):
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=b"x")
    return key


def test_nothing_ingested_is_nothing_wrong(empty_lake, stack):  # noqa: ARG001 (status reads it)
    found = status.look(stack)
    assert (found.accounts, found.newest_order, found.run, found.healthy) == ([], None, None, True)


def test_before_the_first_run_what_has_arrived_is_for_that_run(local_aws, stack, monkeypatch):  # noqa: ARG001 (it sets the environment)
    monkeypatch.setattr(looked_at, "DATABASE", "never-made")
    clients.forget()
    put(stack.bucket, s3_layout.arrival_prefix(HOUR) + "first.gz")
    found = status.look(stack)
    assert (found.untaken.count, found.untaken.overlooked(found.newest_run), found.healthy) == (
        1,
        False,
        True,
    )


def test_the_newest_order_is_read_from_the_newest_days_files(spark, empty_lake):
    newest = HOUR + timedelta(minutes=7, seconds=1, microseconds=5)
    for number, when in enumerate([HOUR, newest, HOUR - timedelta(days=400), newest - timedelta(hours=5)], 1):
        order(spark, empty_lake, number, "orders/a", when)
    assert looked_at.newest_order() == newest


def test_objects_of_every_layout_and_depth_are_listed_with_their_hour(place):
    keys = [
        put(place, s3_layout.arrival_prefix(HOUR) + "a.gz"),
        put(place, s3_layout.arrival_prefix(HOUR - timedelta(days=40)) + "b.gz"),
        put(place, "orders/2026/11/20/09/plain"),
        put(place, s3_layout.FIREHOSE_PREFIX + "orders-1-2026-11-20-09-30-00-x.gz"),
    ]
    stray = put(place, "orders/stray.csv")
    put(place, "orders/year=2026/")
    clients.forget()
    found = {
        each.key: each.time
        for each in arrivals.listed(boto3.client("s3"), clients.s3_files(), place, s3_layout.ORDERS)
    }
    assert [found.pop(key) for key in keys] == [HOUR, HOUR - timedelta(days=40), HOUR, HOUR]
    assert found.keys() == {stray}


def test_what_is_in_s3_and_not_in_the_ledger_is_untaken(spark, empty_lake, stack):
    taken = put(stack.bucket, s3_layout.arrival_prefix(HOUR) + "taken.gz")
    account(spark, empty_lake, taken, (1, 2), sale=2)
    old = HOUR - timedelta(days=2)
    put(stack.bucket, s3_layout.arrival_prefix(old) + "overlooked.gz")
    put(stack.bucket, s3_layout.FIREHOSE_ERRORS + "processing-failed/2026/11/20/09/x")
    found = status.look(stack)
    assert (found.untaken.count, found.untaken.oldest) == (1, old)
    assert found.untaken.overlooked(found.newest_run)
    assert found.silence.hours == 47
    assert found.firehose_errors.count == 1
    assert found.healthy


def test_a_missing_sequence_is_named(spark, empty_lake, stack):
    account(spark, empty_lake, "orders/a", (1, 3), sale=3)
    account(spark, empty_lake, "orders/b", (6, 7), sale=2)
    found = status.look(stack)
    assert [account.gaps for account in found.accounts] == [((4, 5),)]
    assert not found.healthy


def test_a_run_whose_cluster_ended_is_told_from_one_that_works(stack):
    dynamodb, emr = boto3.client("dynamodb"), boto3.client("emr")
    cluster = emr.run_job_flow(
        Name="run", ReleaseLabel="emr-7.0.0", Instances={"KeepJobFlowAliveWhenNoSteps": True}
    )["JobFlowId"]
    now = int(time.time())
    lease.start(dynamodb, stack.table, lease.take(dynamodb, stack.table, now), cluster, now + 3600)
    working = status.active(stack)
    assert (working.cluster, working.ended) == (cluster, False)
    emr.terminate_job_flows(JobFlowIds=[cluster])
    assert status.active(stack).ended
    lease.release(dynamodb, stack.table, working.number)
    assert status.active(stack) is None


def test_the_recount_finds_the_object_whose_rows_went_missing(spark, empty_lake):
    whole, spoilt, unknown = "orders/whole", "orders/spoilt", "orders/unknown"
    order(spark, empty_lake, 1, whole)
    order(spark, empty_lake, 2, whole, fate="guest")
    reject(spark, empty_lake, 3, whole)
    account(spark, empty_lake, whole, (1, 3), sale=1, guest=1, rejected=1, duplicate=2)
    order(spark, empty_lake, 4, spoilt)
    account(spark, empty_lake, spoilt, (4, 5), sale=1, rejected=1)
    assert recount() == (2, [Difference(spoilt, {"rejected": 1}, {"rejected": 0})])
    order(spark, empty_lake, 6, unknown)
    assert Difference(unknown, None, {"sale": 1}) in recount()[1]
