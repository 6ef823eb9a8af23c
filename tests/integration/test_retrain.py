"""retrain from the lake's table to lists that are live, on the real local AWS and the real Spark."""

import itertools
import json
import subprocess
import sys
import time
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from contracts import lease, publications
from contracts.lists import customer_key, from_dynamo, from_plain, together_key
from contracts.s3_layout import BACKTEST, MODEL_SETTINGS, Version
from emr_jobs import rehearsal, retrain, session
from emr_jobs.als.drivers import ALONE, Trainer
from emr_jobs.als.training import RatingsRefusedError
from emr_jobs.asked import Run
from emr_jobs.candidates import company
from emr_jobs.judging import earlier, stored_orders
from emr_jobs.judging.gate import BY_LOCAL, UNTOLD
from emr_jobs.judging.stored_orders import NoLakeError
from emr_jobs.lake import tables
from emr_jobs.orders import epoch, from_arrow
from emr_jobs.publishing import publication
from emr_jobs.publishing.publication import PublicationLateError
from emr_jobs.ranker import forest
from emr_jobs.session import NoOrdersError
from emr_jobs.settings import Settings
from emr_jobs.settings_file import Chosen
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


def go(shop, run, lines=ORDERS, settings=DEFAULTS, trainer=ALONE):
    def before(time):
        return pa.Table.from_pylist([line for line in lines if line["time"] < time], ORDER_SCHEMA)

    retrain.retrain(shop, run, Chosen(settings, "a test"), before, lambda _pairs: trainer)
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
    assert [(entry.code, entry.reason) for entry in ann["for_you"][:2]] == [("10001", "a"), ("10002", "a")]
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
    assert (
        f"not taken over: s3://{shop.bucket}/{live.ranked}: no orders of the last lists can be read" in said
    )
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
        late = (*SEASON, sale("c00", "10001", "late", 23))
        go(shop, begin(shop), late, YOUNG_RANKER)
        said = capsys.readouterr().out
        assert "ranker: the forest trained 1 h ago" in said
        assert "1 ranked by the forest" in said
        live = Version.parse(publications.read(shop.dynamodb, shop.table).live_version)
        shop.s3.put_object(Bucket=shop.bucket, Key=live.forest, Body=b"no forest")
        kept = shop.s3.get_object(Bucket=shop.bucket, Key=live.company)["Body"].read()
        assert company.load(kept).made == epoch(NOON - timedelta(hours=23))  # of the first run
        shop.s3.put_object(Bucket=shop.bucket, Key=live.company, Body=b"no company")
        go(shop, begin(shop), late, YOUNG_RANKER)
        said = capsys.readouterr().out
        assert f"not taken over: s3://{shop.bucket}/{live.forest}: no forest can be read" in said
        assert f"not taken over: s3://{shop.bucket}/{live.company}: no items' company can be read" in said
        assert "ranker: a new forest of 5 trees" in said
        go(shop, replace(begin(shop), as_of=NOON + timedelta(days=1)), SEASON, YOUNG_RANKER)
        assert "ranker: a new forest of 5 trees" in capsys.readouterr().out


def live_version(shop):
    return Version.parse(publications.read(shop.dynamodb, shop.table).live_version)


def test_a_customer_who_vanished_from_the_orders_is_served_no_more(shop):
    two = [line for line in ORDERS if line["customer"] != "cid"]
    settings = replace(DEFAULTS, gate_coverage=0.5)
    with publisher(shop):
        go(shop, begin(shop), ORDERS, settings)
        go(shop, begin(shop), two, settings)
    assert served(shop, customer_key("cid")) is None
    assert "20001" not in codes(served(shop, customer_key("ann"))["discover"])


def test_where_the_live_lists_are_damaged_everything_is_published_and_nobody_gone_is_left(shop, capsys):
    settings = replace(DEFAULTS, gate_coverage=0.5)
    with publisher(shop):
        go(shop, begin(shop), ORDERS, settings)
        damaged = live_version(shop).customers
        shop.s3.put_object(Bucket=shop.bucket, Key=damaged, Body=b"PAR1 no more")
        go(shop, begin(shop), [line for line in ORDERS if line["customer"] != "cid"], settings)
    said = capsys.readouterr().out
    assert f"not taken over: s3://{shop.bucket}/{damaged} cannot be read" in said
    assert "the live version's lists cannot be compared, every item is written" in said
    assert live_version(shop).customers != damaged
    assert served(shop, customer_key("ann"))["discover"]
    assert served(shop, customer_key("cid")) is None


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"coverage": 1}', b'{"settings": []}', b"\xff"])
def test_a_damaged_card_of_the_live_version_is_said_and_compared_with_nothing(shop, capsys, damage):
    with publisher(shop):
        go(shop, begin(shop))
        first = live_version(shop)
        shop.s3.put_object(Bucket=shop.bucket, Key=first.card, Body=damage)
        shop.s3.put_object(Bucket=shop.bucket, Key=BACKTEST, Body=damage)
        go(shop, begin(shop))
    said = capsys.readouterr().out
    assert f"not taken over: s3://{shop.bucket}/{first.card}: no model card" in said
    assert f"not taken over: what {first} learnt: its card does not tell its settings" in said
    assert f"gate: passed, but {UNTOLD}" in said
    assert live_version(shop) != first


# The blend ranks: a backtest of it takes no time.
BY_BLEND = replace(Settings(), ranker_least_cuts=99, gate_customers=20)
RUINED = replace(BY_BLEND, popular_in_for_you=1e6)


def loyal():
    """Every five days each customer buys three of their taste's ten items, and one of a neighbour's."""
    noise = np.random.default_rng(3)
    for day in range(1, 50, 5):
        for customer in range(60):
            own = 10 * (customer % 20) + noise.choice(10, 3, replace=False)
            for item in (*own, 10 * ((customer + 1) % 20) + noise.integers(10)):
                yield sale(f"c{customer:02}", f"{10_000 + item}", f"{day}-{customer}", 24 * day)


LOYAL = tuple(loyal())


def test_a_refused_versions_backtest_is_the_days_and_refuses_the_next_hour_without_being_made_again(
    shop, capsys
):
    with publisher(shop):
        go(shop, begin(shop), LOYAL, BY_BLEND)
        live = live_version(shop)
        assert "made earlier" not in capsys.readouterr().out
        go(shop, begin(shop), LOYAL, BY_BLEND)
        assert "made earlier" in capsys.readouterr().out
        for made_earlier in (False, True):
            go(shop, run := begin(shop), LOYAL, RUINED)
            said = capsys.readouterr().out
            assert ("made earlier" in said) is made_earlier
            assert "refused: for_you is worse than the one in use" in said
            refused = Version(NOON - timedelta(hours=23), run.number)
            assert f"`cadabra publish {refused} --anyway` puts it live" in said
    assert live_version(shop).run > live.run
    assert card(shop, live_version(shop))["gate"]["passed"]


def test_settings_whose_refused_version_was_put_live_anyway_are_in_use_for_the_next_runs(shop, capsys):
    with publisher(shop):
        go(shop, begin(shop), LOYAL, BY_BLEND)
        go(shop, refused := begin(shop), LOYAL, RUINED)
        version = Version(NOON - timedelta(hours=23), refused.number)
        publication.publish(shop, version, full=False, deadline=time.monotonic() + LONG_S, report=print)
        for _ in range(2):
            capsys.readouterr()
            go(shop, run := begin(shop), LOYAL, RUINED)
            said = capsys.readouterr().out
            assert "made earlier" in said
            assert "refused" not in said
            assert "passed, but for_you is worse than own repeats" in said
            assert live_version(shop).run == run.number


def test_the_forest_of_before_the_cut_need_not_be_grown_again(shop):
    """Only one of the same settings and features that knows nothing of the judged days, nor is long past."""
    cut, day, bare = NOON, timedelta(days=1), rehearsal._one_leaf()
    strange = replace(bare, names=("price",))
    for run, (before, settings, kept) in enumerate(
        [
            (day * 5, DEFAULTS, bare),  # too old
            (day * 1.5, DEFAULTS, bare),
            (day * 1, BY_BLEND, bare),
            (day * 0.9, DEFAULTS, strange),
            (-day * 1, DEFAULTS, bare),  # it has seen a judged day
        ]
    ):
        version = Version(cut - before, run)
        known = {"coverage": {"customers": 1, "items": 1}, "settings": asdict(settings)}
        shop.s3.put_object(Bucket=shop.bucket, Key=version.card, Body=json.dumps(known))
        grown = replace(kept, trained=epoch(version.as_of))
        shop.s3.put_object(Bucket=shop.bucket, Key=version.forest, Body=forest.dump(grown))
    assert earlier.forest_at(shop, epoch(cut), DEFAULTS).trained == epoch(cut - day * 1.5)
    assert earlier.forest_at(shop, epoch(cut - day * 2), DEFAULTS) is None


# A month of a shop of 120 lines a day; then a day in which somebody tries out what it can take.
MONTH = tuple(
    sale(f"c{customer:02}", f"100{(day + customer + item) % 20:02}", f"{day}-{customer}", day * 24 + 2)
    for day in range(31)
    for customer in range(40)
    for item in range(3)
)
BURST = tuple(sale(f"c{n % 40:02}", f"100{n % 20:02}", f"burst-{n}", 2) for n in range(1_500))


def test_a_day_of_far_too_many_orders_is_refused_once_and_usual_when_it_was_put_live_anyway(shop, capsys):
    settings = replace(BY_BLEND, gate_customers=1_000)  # the backtest decides nothing
    with publisher(shop):
        go(shop, begin(shop), MONTH, settings)
        go(shop, refused := begin(shop), MONTH + BURST, settings)
        said = capsys.readouterr().out
        assert "refused: 1,620 order lines in the last 24 hours, 120 is usual on this weekday" in said
        version = Version(NOON - timedelta(hours=1), refused.number)
        assert f"`cadabra publish {version} --anyway` puts it live" in said
        publication.publish(shop, version, full=False, deadline=time.monotonic() + LONG_S, report=print)
        go(shop, begin(shop), MONTH + BURST, settings)
    assert "refused" not in capsys.readouterr().out
    assert live_version(shop).run > version.run


SHORT = replace(DEFAULTS, iterations=2)  # each half of one is a job of Spark


def test_spark_trains_what_one_process_does_and_the_card_names_who_trained(shop, spark, capsys):
    with publisher(shop):
        go(shop, begin(shop), settings=SHORT, trainer=Trainer("spark", "asked for", spark))
        over_spark = live_version(shop)
        go(shop, replace(begin(shop), as_of=NOON - timedelta(minutes=1)), settings=SHORT)
    assert "; spark trainer (asked for)" in capsys.readouterr().out
    trained = card(shop, over_spark)["training"]
    assert (trained["trainer"], trained["trainer_reason"]) == ("spark", "asked for")
    assert len(trained["losses"]) > 1
    assert card(shop, live_version(shop))["training"]["trainer"] == "local"


def test_mllib_trains_the_objective_that_it_knows_from_a_start_of_its_own(shop, spark, capsys):
    with publisher(shop):
        go(shop, begin(shop), settings=SHORT)
        go(shop, begin(shop), settings=SHORT, trainer=Trainer("mllib", "asked for", spark))
    assert "cold: the mllib trainer has a start of its own" in capsys.readouterr().out
    written = card(shop, live_version(shop))
    assert written["training"]["trainer"] == "mllib"
    assert BY_LOCAL in written["gate"]["reasons"]
    assert served(shop, customer_key("ann"))["discover"][0].code == "10003"


def test_other_settings_start_cold_for_the_last_factors_are_of_another_model(shop, capsys):
    with publisher(shop):
        go(shop, begin(shop))
        first = live_version(shop)
        go(shop, begin(shop), settings=replace(DEFAULTS, regularisation=0.1))
    said = capsys.readouterr().out
    assert f"not taken over: what {first} learnt: its settings were others" in said
    assert f"cold: {first} has no factors to go on from" in said


def test_a_live_version_that_knows_later_orders_teaches_nothing(shop, capsys):
    with publisher(shop):
        go(shop, begin(shop))
        live = live_version(shop)
        go(shop, replace(begin(shop), as_of=NOON - timedelta(hours=25)))
    said = capsys.readouterr().out
    assert f"not taken over: what {live} learnt: it knows orders that this run does not" in said
    assert f"cold: {live} has no factors to go on from" in said


def test_after_a_refusal_the_next_run_goes_on_from_what_the_refused_one_learnt(shop, capsys):
    refusing = replace(YOUNG_RANKER, gate_coverage=1.0)
    fewer = [line for line in SEASON if line["customer"] != "c39"]
    with publisher(shop):
        go(shop, begin(shop), SEASON, YOUNG_RANKER)
        live = live_version(shop)
        go(shop, refused := begin(shop), fewer, refusing)
        said = capsys.readouterr().out
        assert f"not taken over: what {live} learnt: its settings were others" in said
        assert said.count("ranker: a new forest") == 2
        go(shop, begin(shop), fewer, refusing)
    said = capsys.readouterr().out
    assert live_version(shop) == live
    assert f"warm from {live.as_of:%Y%m%dT%H%M%SZ}-{refused.number}" in said
    assert "ranker: the forest trained 0 h ago" in said


def test_a_refusal_is_the_steps_message_and_exit_code_1(shop, monkeypatch, capsys):
    def refuse(*_):
        raise RatingsRefusedError("nothing to train on")

    monkeypatch.setattr(retrain, "retrain", refuse)
    run = begin(shop)
    arguments = ["--bucket", shop.bucket, "--table", shop.table, "--run", str(run.number)]
    assert retrain.main(arguments) == 1
    assert capsys.readouterr().err == "retrain: nothing to train on\n"
    assert lease.read(shop.dynamodb, shop.table).free


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
