"""retrain from the lake's table to lists that are live, on the real local AWS and the real Spark."""

import itertools
import json
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from contracts import lease, publications
from contracts.lists import customer_key, from_dynamo, from_plain, together_key
from contracts.s3_layout import Version
from emr_jobs import retrain, settings_file
from emr_jobs.judging import stored_orders
from emr_jobs.judging.stored_orders import NoLakeError
from emr_jobs.lake import tables
from emr_jobs.orders import from_arrow
from emr_jobs.publishing.publication import PublicationLateError
from emr_jobs.retrain import NoOrdersError, Run
from emr_jobs.settings import Settings, SettingsError
from infra import package
from tests.publisher import publisher

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LONG_S = 60.0
DEFAULTS = Settings()
ORDER_SCHEMA = pa.schema(
    [
        ("customer", pa.string()),
        ("stock_code", pa.string()),
        ("invoice", pa.string()),
        ("quantity", pa.int32()),
        ("time", pa.timestamp("us", "UTC")),
        ("unit_price", pa.float32()),
        ("fate", pa.string()),
    ]
)


@pytest.fixture
def lake(spark):
    """The lake's orders table with ORDERS in it."""
    name = tables.full_name("orders")
    spark.sql(f"CREATE NAMESPACE IF NOT EXISTS {tables.CATALOG}.{tables.DATABASE}")
    spark.sql(f"DROP TABLE IF EXISTS {name}")
    spark.sql(tables.create_statement("orders"))
    rows = [
        line
        | {
            "description": "",
            "unit_price": Decimal("1.5"),
            "country": "France",
            "event_id": f"test-{number}",
            "object": "orders/test",
            "line": number,
        }
        for number, line in enumerate(ORDERS, start=1)
    ]
    columns = ", ".join(f"`{name}` {kind} NOT NULL" for name, kind in tables.ORDERS.items())
    spark.createDataFrame(rows, columns).writeTo(name).append()
    yield name
    spark.sql(f"DROP TABLE {name}")


def sale(customer, code, invoice, hours):
    """An order line so many hours before noon."""
    return {
        "customer": customer,
        "stock_code": code,
        "invoice": invoice,
        "quantity": 1,
        "time": NOON - timedelta(hours=hours),
        "unit_price": 1.5,
        "fate": "sale" if customer else "guest",
    }


# Ann and Bob buy alike, but for 10003; Cid buys other things. 10001 and 10002 share three invoices.
ORDERS = (
    sale("ann", "10001", "1", 400),
    sale("ann", "10002", "1", 400),
    sale("ann", "10001", "2", 64),
    sale("bob", "10001", "3", 30),
    sale("bob", "10002", "3", 30),
    sale("bob", "10003", "3", 30),
    sale("cid", "20001", "4", 20),
    sale("cid", "20002", "4", 20),
    sale("", "10001", "5", 3),
    sale("", "10002", "5", 3),
)


def begin(shop, cluster="j-test"):
    """A run that holds the lease, begun at noon."""
    taken = lease.take(shop.dynamodb, shop.table, int(time.time()))
    lease.start(shop.dynamodb, shop.table, taken, cluster, int(time.time()) + 3_600)
    return Run(taken.number, as_of=None, began=NOON, seed=0, wait_seconds=LONG_S)


def go(shop, run, lines=ORDERS, settings=DEFAULTS):
    def before(time):
        return pa.Table.from_pylist([line for line in lines if line["time"] < time], ORDER_SCHEMA)

    retrain.retrain(shop, run, settings, before)
    lease.release(shop.dynamodb, shop.table, run.number)


def served(shop, key):
    item = shop.dynamodb.get_item(TableName=shop.table, Key={"id": {"S": key}}).get("Item")
    return from_plain(from_dynamo(item)).lists if item else None


def codes(entries):
    return {entry.code for entry in entries}


def card(shop, version):
    return json.loads(shop.s3.get_object(Bucket=shop.bucket, Key=version.card)["Body"].read())


def test_orders_become_lists_that_are_live_each_entry_with_its_reason(shop):
    run = begin(shop)
    with publisher(shop):
        go(shop, run)
    version = Version(datetime(2026, 11, 20, 10, tzinfo=UTC), run.number)  # the newest order is of 09:00
    live = publications.read(shop.dynamodb, shop.table)
    assert (live.live_number, live.live_version) == (1, str(version))
    ann = served(shop, customer_key("ann"))
    assert [(entry.code, entry.reason) for entry in ann["for_you"][:2]] == [("10001", "a2"), ("10002", "a")]
    assert ann["discover"][0].code == "10003"
    assert {entry.code for entry in ann["discover"]} == {"10003", "20001", "20002"}
    assert [entry.code for entry in served(shop, together_key("10001"))["together"]] == ["10002"]
    assert {entry.code for entry in served(shop, "popular")["popular"]} >= {"10001", "10002"}
    written = card(shop, version)
    first = "the first model: nothing live to compare it with"
    few = "only 0 customers to judge by, 100 would decide"
    assert written["gate"] == {"passed": True, "reasons": [first, few]}
    assert (written["ranking"]["by"], written["ranking"]["ranked"]) == ("the linear blend", 3)
    assert (written["coverage"], written["orders"]["lines"]) == ({"customers": 3, "items": 5}, 10)


def test_the_next_run_starts_warm_and_shows_the_new_orders(shop, capsys):
    with publisher(shop):
        go(shop, first := begin(shop))
        go(shop, begin(shop), (*ORDERS, sale("ann", "20001", "6", 2.5)))
    assert f"warm from 20261120T100000Z-{first.number}" in capsys.readouterr().out
    assert "20001" not in codes(served(shop, customer_key("ann"))["discover"])


def test_orders_younger_than_fifteen_minutes_wait_for_the_next_run(shop):
    with publisher(shop):
        go(shop, begin(shop), (*ORDERS, sale("ann", "20002", "7", 0.1)))
    live = publications.read(shop.dynamodb, shop.table)
    assert Version.parse(live.live_version).as_of == datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert "20002" in codes(served(shop, customer_key("ann"))["discover"])


def test_as_of_may_be_told(shop):
    run = replace(begin(shop), as_of=NOON - timedelta(hours=25))
    with publisher(shop):
        go(shop, run)
    live = publications.read(shop.dynamodb, shop.table)
    assert live.live_version == f"20261119T110000Z-{run.number}"
    assert served(shop, customer_key("cid")) is None  # first bought twenty hours before noon


def test_a_refused_version_leaves_the_last_lists_standing_and_says_why(shop, capsys):
    with publisher(shop):
        go(shop, begin(shop))
        live = publications.read(shop.dynamodb, shop.table)
        refused = begin(shop)
        go(shop, refused, [line for line in ORDERS if line["customer"] == "ann"])
    assert publications.read(shop.dynamodb, shop.table) == live
    reason = "1 customers are covered, fewer than 80% of the live version's 3"
    assert f"refused: {reason}" in capsys.readouterr().out
    as_of = datetime(2026, 11, 17, 21, tzinfo=UTC)  # ann's newest order is of 20:00
    gate = card(shop, Version(as_of, refused.number))["gate"]
    assert (gate["passed"], gate["reasons"][0]) == (False, reason)


def test_all_returns_are_refused_as_empty_lists(shop, capsys):
    back = [line | {"fate": "return", "quantity": -1} for line in ORDERS]
    go(shop, begin(shop), back)
    assert "refused: the lists are empty (0 customers, 0 items)" in capsys.readouterr().out
    assert publications.read(shop.dynamodb, shop.table) is None


def test_no_orders_is_said_clearly(shop):
    with pytest.raises(NoOrdersError, match="holds no orders from before 2026-11-20 11:45 UTC"):
        go(shop, begin(shop), ())


def test_a_corrupt_factor_file_means_a_cold_start_that_is_said(shop, capsys):
    with publisher(shop):
        go(shop, begin(shop))
        live = Version.parse(publications.read(shop.dynamodb, shop.table).live_version)
        shop.s3.put_object(Bucket=shop.bucket, Key=live.model, Body=b"no factors")
        go(shop, begin(shop))
    said = capsys.readouterr().out
    assert f"not taken over: s3://{shop.bucket}/{live.model}: no factors can be read" in said
    assert f"cold: {live} has no factors to go on from" in said


def test_where_it_is_not_known_what_the_last_lists_were_made_of_everyone_is_ranked(shop, capsys):
    with publisher(shop):
        go(shop, begin(shop))
        live = Version.parse(publications.read(shop.dynamodb, shop.table).live_version)
        shop.s3.put_object(Bucket=shop.bucket, Key=live.ranked, Body=b"damaged")
        go(shop, begin(shop))
    said = capsys.readouterr().out
    assert f"not taken over: s3://{shop.bucket}/{live.ranked}: it cannot be read" in said
    assert said.count("3 ranked by the linear blend (everyone: no lists to go on from)") == 2


def test_between_two_days_only_those_are_ranked_whose_orders_changed(shop, capsys):
    with publisher(shop):
        go(shop, begin(shop))
        before = served(shop, customer_key("bob"))
        go(shop, begin(shop), (*ORDERS, sale("ann", "20001", "6", 2.5)))
        assert "3 customers, 1 ranked by the linear blend (whose orders changed)" in capsys.readouterr().out
        assert served(shop, customer_key("bob")) == before
        later = replace(begin(shop), as_of=NOON + timedelta(hours=23))
        go(shop, later, (*ORDERS, sale("ann", "20001", "6", 2.5)))
    assert "3 ranked by the linear blend (everyone: a day has passed" in capsys.readouterr().out


# A hundred days of forty customers, each buying two of their taste's items every third day.
YOUNG_RANKER = replace(
    Settings(), ranker_memory_days=30.0, ranker_least_cuts=1, ranker_trees=5, ranker_leaf_candidates=5
)
SEASON = tuple(
    sale(
        f"c{customer:02}",
        f"{1 + customer % 2}00{(day + customer + item) % 20:02}",
        f"{day}-{customer}",
        day * 24,
    )
    for day in range(1, 100, 3)
    for customer in range(40)
    for item in (0, 1)
)


def test_the_forest_is_kept_for_a_day_and_trained_anew_where_it_cannot_be_read(shop, capsys):
    with publisher(shop):
        go(shop, begin(shop), SEASON, YOUNG_RANKER)
        assert "ranker: a new forest of 5 trees" in capsys.readouterr().out
        go(shop, begin(shop), (*SEASON, sale("c00", "10001", "late", 23)), YOUNG_RANKER)
        said = capsys.readouterr().out
        assert "ranker: the forest trained 1 h ago" in said
        assert "1 ranked by the forest" in said
        live = Version.parse(publications.read(shop.dynamodb, shop.table).live_version)
        shop.s3.put_object(Bucket=shop.bucket, Key=live.forest, Body=b"no forest")
        go(shop, begin(shop), SEASON, YOUNG_RANKER)
        said = capsys.readouterr().out
        assert f"not taken over: s3://{shop.bucket}/{live.forest}: no forest can be read" in said
        assert "ranker: a new forest of 5 trees" in said
        go(shop, replace(begin(shop), as_of=NOON + timedelta(days=1)), SEASON, YOUNG_RANKER)
        assert "ranker: a new forest of 5 trees" in capsys.readouterr().out


def test_settings_are_read_from_s3_and_a_wrong_one_is_named(shop):
    shop.s3.put_object(Bucket=shop.bucket, Key="settings.toml", Body=b"rank = 8\n")
    assert settings_file.read(shop, f"s3://{shop.bucket}/settings.toml") == replace(Settings(), rank=8)
    shop.s3.put_object(Bucket=shop.bucket, Key="settings.toml", Body=b"ranck = 8\n")
    with pytest.raises(SettingsError, match="there is no setting ranck"):
        settings_file.read(shop, f"s3://{shop.bucket}/settings.toml")
    with pytest.raises(SettingsError, match=r"none\.toml cannot be used"):
        settings_file.read(shop, f"s3://{shop.bucket}/none.toml")


def test_a_run_without_the_lease_commits_nothing(shop):
    run = begin(shop)
    lease.release(shop.dynamodb, shop.table, run.number)
    with pytest.raises(lease.LeaseLostError):
        go(shop, run)
    assert "Contents" not in shop.s3.list_objects_v2(Bucket=shop.bucket)


def test_killed_while_publishing_the_next_run_ends_right(shop):
    late = replace(begin(shop), wait_seconds=0)
    with pytest.raises(PublicationLateError):
        go(shop, late)
    lease.release(shop.dynamodb, shop.table, late.number)
    with publisher(shop):
        go(shop, begin(shop))
    assert publications.read(shop.dynamodb, shop.table).live_number == 2
    assert served(shop, customer_key("cid"))["discover"]


def test_the_lake_is_read_up_to_a_time_without_fees(spark, lake):
    spark.sql(f"UPDATE {lake} SET fate = 'fee' WHERE invoice = '3'")
    spark.sql(f"UPDATE {lake} SET unit_price = 0 WHERE invoice = '2'")
    rows = retrain.read_lake(spark, NOON - timedelta(hours=3)).to_pylist()
    assert sorted((row["customer"], row["stock_code"], row["unit_price"] > 0) for row in rows) == [
        ("ann", "10001", False),
        ("ann", "10001", True),
        ("ann", "10002", True),
        ("cid", "20001", True),
        ("cid", "20002", True),
    ]


def test_backtest_reads_the_same_orders_without_spark(spark, lake):
    spark.sql(f"UPDATE {lake} SET fate = 'fee' WHERE invoice = '3'")
    by_spark = from_arrow(retrain.read_lake(spark, NOON))
    alone = stored_orders.read()
    assert len(alone) == 7
    for name in ("customer", "item", "seconds", "quantity", "price", "sold"):
        assert np.array_equal(getattr(alone, name), getattr(by_spark, name))


def test_a_lake_without_the_table_is_said_clearly(spark, lake):
    spark.sql(f"DROP TABLE {lake}")
    with pytest.raises(NoOrdersError, match=r"there is no table lake\.cadabra\.orders yet"):
        retrain.read_lake(spark, NOON)
    with pytest.raises(NoLakeError, match="the lake has no table of orders yet"):
        stored_orders.read()
    spark.sql(tables.create_statement("orders"))


def test_the_step_as_emr_submits_it_publishes_and_gives_the_lease_back(shop, spark, lake, tmp_path):  # noqa: ARG001 (they are read by another Spark)
    for name in ("emr_jobs.zip", "retrain.py"):
        (tmp_path / name).write_bytes(package.artifacts()[name.removesuffix(".zip")].content)
    run = begin(shop)
    kept = ("spark.sql.", "spark.driver.extraClassPath", "spark.jars", "spark.driver.bindAddress")
    conf = [f"{key}={value}" for key, value in spark.sparkContext.getConf().getAll() if key.startswith(kept)]
    command = [
        *(Path(sys.executable).with_name("spark-submit"), "--master", "local[2]"),
        *itertools.chain.from_iterable(("--conf", setting) for setting in conf),
        *("--py-files", tmp_path / "emr_jobs.zip", tmp_path / "retrain.py"),
        *("--bucket", shop.bucket, "--table", shop.table, "--run", str(run.number)),
        *("--began", str(int(NOON.timestamp()))),
    ]
    with publisher(shop):
        ended = subprocess.run(
            list(map(str, command)), cwd=tmp_path, capture_output=True, text=True, check=False
        )
    assert ended.returncode == 0, ended.stderr[-2_000:]
    live = publications.read(shop.dynamodb, shop.table)
    assert live.live_version == f"20261120T100000Z-{run.number}"
    assert f"{live.live_version} is live as publication 1" in ended.stdout
    assert lease.read(shop.dynamodb, shop.table).free
