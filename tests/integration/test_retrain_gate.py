"""The gate within a run: what is refused, what that leaves standing, and what is put live anyway."""

import json
import time
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from contracts import publications
from contracts.s3_layout import Version
from emr_jobs import rehearsal
from emr_jobs.judging import earlier
from emr_jobs.orders import epoch
from emr_jobs.publishing import publication
from emr_jobs.ranker import forest
from emr_jobs.settings import Settings
from tests.publisher import publisher
from tests.retrain_runs import DEFAULTS, LONG_S, NOON, ORDERS, begin, card, go, live_version, sale


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
