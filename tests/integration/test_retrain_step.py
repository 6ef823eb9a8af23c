"""The step as EMR submits it, and the lake's table as it reads it."""

import itertools
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from contracts import lease, publications
from contracts.s3_layout import MODEL_SETTINGS, Version
from emr_jobs import retrain, session
from emr_jobs.als.training import RatingsRefusedError
from emr_jobs.judging import stored_orders
from emr_jobs.judging.stored_orders import NoLakeError
from emr_jobs.lake import tables
from emr_jobs.orders import from_arrow
from emr_jobs.session import NoOrdersError
from infra import package
from tests.publisher import publisher
from tests.retrain_runs import NOON, ORDERS, begin, card


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


def test_a_refusal_is_the_steps_message_and_exit_code_1(shop, monkeypatch, capsys):
    def refuse(*_):
        raise RatingsRefusedError("nothing to train on")

    monkeypatch.setattr(retrain, "retrain", refuse)
    run = begin(shop)
    arguments = ["--bucket", shop.bucket, "--table", shop.table, "--run", str(run.number)]
    assert retrain.main(arguments) == 1
    assert capsys.readouterr().err == "retrain: nothing to train on\n"
    assert lease.read(shop.dynamodb, shop.table).free


def test_the_lake_is_read_up_to_a_time_without_fees(spark, lake):
    spark.sql(f"UPDATE {lake} SET fate = 'fee' WHERE invoice = '3'")
    spark.sql(f"UPDATE {lake} SET unit_price = 0 WHERE invoice = '2'")
    rows = session.read_lake(spark, NOON - timedelta(hours=3)).to_pylist()
    assert sorted((row["customer"], row["stock_code"], row["unit_price"] > 0) for row in rows) == [
        ("ann", "10001", False),
        ("ann", "10001", True),
        ("ann", "10002", True),
        ("cid", "20001", True),
        ("cid", "20002", True),
    ]


def test_backtest_reads_the_same_orders_without_spark(spark, lake):
    spark.sql(f"UPDATE {lake} SET fate = 'fee' WHERE invoice = '3'")
    by_spark = from_arrow(session.read_lake(spark, NOON))
    alone = stored_orders.read()
    assert len(alone) == 7
    for name in ("customer", "item", "seconds", "quantity", "price", "sold"):
        assert np.array_equal(getattr(alone, name), getattr(by_spark, name))


def test_a_lake_without_the_table_is_said_clearly(spark, lake):
    spark.sql(f"DROP TABLE {lake}")
    with pytest.raises(NoOrdersError, match=r"there is no table lake\.cadabra\.orders yet"):
        session.read_lake(spark, NOON)
    with pytest.raises(NoLakeError, match="the lake has no table of orders yet"):
        stored_orders.read()
    spark.sql(tables.create_statement("orders"))


@pytest.mark.parametrize("trainer", ["auto", "spark"])
def test_the_step_as_emr_submits_it_publishes_and_gives_the_lease_back(shop, spark, lake, tmp_path, trainer):  # noqa: ARG001 (they are read by another Spark)
    for name in ("emr_jobs.zip", "retrain.py"):
        (tmp_path / name).write_bytes(package.artifacts()[name.removesuffix(".zip")].content)
    shop.s3.put_object(Bucket=shop.bucket, Key=MODEL_SETTINGS, Body=b"iterations = 2\n")
    run = begin(shop)
    kept = ("spark.sql.", "spark.driver.extraClassPath", "spark.jars", "spark.driver.bindAddress")
    conf = [f"{key}={value}" for key, value in spark.sparkContext.getConf().getAll() if key.startswith(kept)]
    command = [
        *(Path(sys.executable).with_name("spark-submit"), "--master", "local[2]"),
        *itertools.chain.from_iterable(("--conf", setting) for setting in conf),
        *("--py-files", tmp_path / "emr_jobs.zip", tmp_path / "retrain.py"),
        *("--bucket", shop.bucket, "--table", shop.table, "--run", str(run.number)),
        *("--began", str(int(NOON.timestamp())), "--trainer", trainer),
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
    said = "spark trainer (asked for)" if trainer == "spark" else "local trainer (7 pairs fit one process)"
    assert said in ended.stdout
    settings = f"s3://{shop.bucket}/settings/model.toml"
    assert f"retrain: settings: {settings}: iterations 2" in ended.stdout
    written = card(shop, Version.parse(live.live_version))
    assert (written["settings_from"], written["settings"]["iterations"]) == (settings, 2)
