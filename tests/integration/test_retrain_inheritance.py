"""What a run takes over from the one before it, what it makes anew, and that it says which."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from contracts import publications
from contracts.lists import customer_key
from contracts.s3_layout import BACKTEST, Version
from emr_jobs.candidates import company
from emr_jobs.explicit import serving
from emr_jobs.explicit.recommendations import Lists
from emr_jobs.judging.gate import UNTOLD
from emr_jobs.orders import epoch
from emr_jobs.settings import Settings
from emr_jobs.stages import Stages
from tests.publisher import publisher
from tests.retrain_runs import DEFAULTS, LONG_S, NOON, ORDERS, begin, codes, go, live_version, sale, served


def test_the_next_run_starts_warm_and_shows_the_new_orders(shop, capsys):
    with publisher(shop):
        go(shop, first := begin(shop))
        go(shop, begin(shop), (*ORDERS, sale("ann", "20001", "6", 2.5)))
    assert f"warm from 20261120T100000Z-{first.number}" in capsys.readouterr().out
    assert "20001" not in codes(served(shop, customer_key("ann"))["discover"])


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
# Five trees learn the odds of each candidate, five their order.
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
        assert "ranker: a new forest of 10 trees" in capsys.readouterr().out
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
        assert "ranker: a new forest of 10 trees" in said
        go(shop, replace(begin(shop), as_of=NOON + timedelta(days=1)), SEASON, YOUNG_RANKER)
        assert "ranker: a new forest of 10 trees" in capsys.readouterr().out


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


def study(shop, run):
    """A study's version goes live; the answer is which."""
    version, one = Version.parse(f"20170503T090000Z-{run}"), np.array([[0, 1]], np.int32)
    names = pa.array(["A", "B"])
    lists = Lists(pa.array(["reader"]), names, names, one, one, one[0])
    serving.put_live(shop, version, lists, {"lists_by": "biases"}, LONG_S, Stages("study"), patience=0)
    return version


def test_after_a_study_went_live_a_run_is_compared_with_the_shops_own_that_was_live(shop, capsys):
    with publisher(shop):
        go(shop, begin(shop))
        own = live_version(shop)
        studies = [study(shop, run) for run in (1, 2)]
        assert live_version(shop) == studies[-1]
        go(shop, begin(shop), [line for line in ORDERS if line["customer"] != "cid"])
        said = capsys.readouterr().out
        assert f"not taken over: the lists of {studies[-1]}, a study's: {own}, live before it" in said
        assert "gate: refused: 2 customers are covered, fewer than 80%" in said
        assert live_version(shop) == studies[-1]
        go(shop, begin(shop))
    said = capsys.readouterr().out
    assert UNTOLD not in said
    assert live_version(shop).as_of == own.as_of
    assert served(shop, customer_key("reader")) is None


def test_where_only_a_study_was_ever_live_there_is_nothing_to_compare_with(shop, capsys):
    with publisher(shop):
        study(shop, 1)
        go(shop, begin(shop))
    assert f"gate: passed, but {UNTOLD}" in capsys.readouterr().out
