"""Ingest gives each landed line one fate, exactly once in effect: real Spark, real Iceberg, real S3."""

import gzip
import itertools
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import boto3
import pytest

from contracts import lease, s3_layout
from contracts.order_line import Fate, OrderLine, format_line
from emr_jobs.lake import accounts, hours, iceberg, intake, tables
from emr_jobs.lake.arrivals import oldest_arrival
from infra.lake.ledger import accounts as ledger_accounts

NOW = datetime.now(UTC).replace(microsecond=0)
_sources = itertools.count(1)


def line(source, sequence, **changes):
    values = {
        "invoice": "500001",
        "stock_code": "10001",
        "description": "Lamp, small",
        "quantity": 2,
        "time": NOW - timedelta(days=1),
        "unit_price": Decimal("2.50"),
        "customer": "c1",
        "country": "France",
        "event_id": f"{source}-{sequence}",
    }
    return format_line(OrderLine(**values | changes))


@pytest.fixture
def source():
    """A source of its own for each test: the tables are shared."""
    return f"shop{next(_sources)}"


@pytest.fixture(scope="module")
def lake(spark, local_aws):
    spark.sql(f"CREATE NAMESPACE IF NOT EXISTS lake.{tables.DATABASE}")
    for table in tables.TABLES:
        spark.sql(tables.create_statement(table))
    return local_aws.lake_bucket


def put(bucket, name, content, hour=NOW):
    key = s3_layout.arrival_prefix(hour) + name
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=content)
    return key


def run(spark, bucket, **options):
    return hours.ingest(
        spark,
        boto3.client("s3"),
        bucket,
        **{"run": 1, "first": NOW - timedelta(hours=26), "last": NOW, "check_lease": lambda: None} | options,
    )


def stored(spark, table, source):
    rows = spark.table(tables.full_name(table)).where(f"event_id LIKE '{source}-%'")
    return sorted((row.asDict() for row in rows.collect()), key=lambda row: (row["object"], row["line"]))


def ledger(spark, key):
    rows = spark.table(tables.full_name("ledger")).where(f"object = '{key}'").collect()
    assert len(rows) == 1
    return rows[0].asDict(recursive=True)


def test_each_line_has_one_fate_and_the_ledger_adds_up(spark, lake, source):
    content = b"".join(
        [
            line(source, 1),
            line(source, 2, quantity=-1, invoice="C500002"),
            line(source, 3, stock_code="POST"),
            line(source, 4, customer=""),
            line(source, 1),
            b"500003,10001,no numbers,many,2026-01-01,1.0,c1,France,%s-5\n" % source.encode(),
            b"only,three,columns\n",
        ]
    )
    key = put(lake, f"{source}.gz", gzip.compress(content))
    run(spark, lake)
    row = ledger(spark, key)
    assert {fate: row[fate] for fate in Fate} == {
        "sale": 1,
        "return": 1,
        "fee": 1,
        "guest": 1,
        "duplicate": 1,
        "erased": 0,
        "rejected": 2,
    }
    assert row["landed"] == 7
    by_source = {entry["source"]: entry for entry in row["sources"]}
    assert by_source[source]["last"] == 5
    assert by_source[source]["landed"] - by_source[source]["duplicate"] == 5
    assert by_source[""]["rejected"] == 1


def test_a_stored_line_says_what_was_written_and_where_it_landed(spark, lake, source):
    key = put(lake, f"{source}.csv", line(source, 1, description='6" plate, "blue"'))
    run(spark, lake)
    (row,) = stored(spark, "orders", source)
    assert row["description"] == '6" plate, "blue"'
    assert row["unit_price"] == Decimal("2.5000")
    assert row["time"].astimezone(UTC) == NOW - timedelta(days=1)
    assert (row["object"], row["line"], row["fate"]) == (key, 1, "sale")


def test_a_second_run_changes_nothing(spark, lake, source):
    put(lake, f"{source}.gz", gzip.compress(line(source, 1) + line(source, 2)))
    run(spark, lake)
    before = [stored(spark, table, source) for table in ("orders", "rejects")]
    assert run(spark, lake).objects == 0
    assert [stored(spark, table, source) for table in ("orders", "rejects")] == before


def test_lines_sent_again_in_another_object_are_duplicates_there(spark, lake, source):
    put(lake, f"{source}-a.gz", gzip.compress(line(source, 1) + line(source, 2)))
    run(spark, lake)
    again = put(lake, f"{source}-b.gz", gzip.compress(line(source, 2) + line(source, 3)))
    run(spark, lake)
    assert [row["event_id"] for row in stored(spark, "orders", source)] == [
        f"{source}-{n}" for n in (1, 2, 3)
    ]
    assert ledger(spark, again)["duplicate"] == 1
    assert ledger(spark, again)["sale"] == 1


def test_a_refused_line_sent_again_is_a_duplicate(spark, lake, source):
    bad = b"500003,10001,x,many,2026-01-01,1.0,c1,France,%s-1\n" % source.encode()
    put(lake, f"{source}-a.csv", bad)
    run(spark, lake)
    again = put(lake, f"{source}-b.csv", bad)
    run(spark, lake)
    assert [row["reason"] for row in stored(spark, "rejects", source)] == ["quantity"]
    assert ledger(spark, again)["duplicate"] == 1


class KilledError(Exception):
    pass


def killed_at(call):
    """A check of the lease that ends the run the given time it is asked."""
    calls = itertools.count(1)

    def check_lease():
        if next(calls) == call:
            raise KilledError

    return check_lease


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


def fates(spark, source):
    rows = spark.table(tables.full_name("ledger")).selectExpr("object", "inline(sources)").collect()
    own = [row.asDict(recursive=True) for row in rows if row["source"] == source]
    return sorted(own, key=lambda row: row["object"])


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


def test_a_compressed_object_cut_short_gives_its_whole_lines_and_one_reject(spark, lake, source):
    whole = [line(source, number, description=f"item {number * 7919}") for number in range(1, 2001)]
    packed = gzip.compress(b"".join(whole))
    key = put(lake, f"{source}.gz", packed[: len(packed) // 2])
    run(spark, lake)
    row = ledger(spark, key)
    assert row["rejected"] == 1
    assert 0 < row["sale"] < 2000
    assert [r["event_id"] for r in stored(spark, "orders", source)][-1] == f"{source}-{row['sale']}"


def test_what_is_no_text_and_what_is_empty_is_accounted_for(spark, lake, source):
    noise = put(lake, f"{source}.bin", bytes(range(256)) * 4)
    empty = put(lake, f"{source}.empty", b"")
    run(spark, lake)
    assert ledger(spark, empty)["landed"] == 0
    row = ledger(spark, noise)
    assert row["landed"] == row["rejected"] > 0


def test_public_lines_without_an_id_are_known_by_content_and_occurrence(spark, lake, source):
    public = f'536365,85123A,"HOLDER, {source}",6,12/1/2010 8:26,2.55,17850,United Kingdom\r\n'.encode()
    a = put(lake, f"{source}-a.csv", public * 2)
    run(spark, lake)
    b = put(lake, f"{source}-b.csv", public * 3)
    run(spark, lake)
    assert ledger(spark, a)["sale"] == 2
    assert (ledger(spark, b)["sale"], ledger(spark, b)["duplicate"]) == (1, 2)


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


def test_a_line_that_is_not_stored_shows_in_the_ledger(spark, lake, source, monkeypatch):
    """The ledger is counted from what is stored: the first equation is no tautology."""
    key = put(lake, f"{source}.gz", gzip.compress(line(source, 1) + line(source, 2)))
    monkeypatch.setattr(intake, "_once", lambda _lake, _files, _again: ([], Counter()))
    run(spark, lake)
    row = ledger(spark, key)
    assert (row["landed"], row["sale"]) == (2, 0)
    (account,) = (found for found in ledger_accounts([row]) if found.source == source)
    assert account.complaint() == f"{source}: 2 lines landed, but the fates add up to 0"


def test_the_ledger_says_which_sequences_an_object_has(spark, lake, source):
    a = put(lake, f"{source}-a.gz", b"".join(line(source, number) for number in (1, 2, 3, 7)))
    b = put(lake, f"{source}-b.gz", b"".join(line(source, number) for number in (3, 4, 4, 8)))
    run(spark, lake)
    ranges = {row["object"]: [tuple(pair.values()) for pair in row["ranges"]] for row in fates(spark, source)}
    assert ranges == {a: [(1, 3), (7, 7)], b: [(4, 4), (8, 8)]}


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
