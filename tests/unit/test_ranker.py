"""The ranker knows nothing of what it shall foretell, and its lists hold what a list may hold."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from emr_jobs import orders as order_lines
from emr_jobs.candidates.group import group
from emr_jobs.candidates.past import past
from emr_jobs.judging import evaluation
from emr_jobs.judging.first_names import first_names
from emr_jobs.lists import ranked, twins
from emr_jobs.orders import DAY_SECONDS, epoch
from emr_jobs.ranker import examples, features, growing, keeping
from emr_jobs.ranker.examples import HistoryTooShortError
from emr_jobs.ranker.growing import GrowerMissingError
from emr_jobs.settings import Settings

CUT = datetime(2026, 10, 1, tzinfo=UTC)
SETTINGS = replace(
    Settings(), rank=8, ranker_trees=5, ranker_leaf_candidates=5, ranker_memory_days=30.0, ranker_least_cuts=1
)


def sale(customer, code, days, quantity=1, price=2.0, fate="sale"):
    """A line so many days after the cut."""
    return {
        "customer": customer,
        "stock_code": code,
        "invoice": f"{customer}/{days}",
        "quantity": quantity,
        "time": CUT + timedelta(days=days),
        "unit_price": price,
        "fate": fate,
        "description": f"{code[:3]}th kind, colour {code[-1]}",
    }


def shop(seed=0, first=-90, last=20, customers=30):
    """Lines of customers with two tastes, some of twelve items each, a variant letter on every third."""
    noise = np.random.default_rng(seed)
    for day in range(first, last, 2):
        for customer in noise.choice(customers, customers // 2, replace=False):
            for item in noise.choice(12, 3, replace=False):
                code = f"{1 + customer % 2}00{item // 3:02}{'ABC'[item % 3]}"
                yield sale(f"c{customer}", code, day + 0.5, int(noise.integers(1, 9)), float(1 + item))


def read(lines):
    table = pa.Table.from_pylist(list(lines))
    return order_lines.from_arrow(table).named(first_names(table))


def seen(lines):
    """Every candidate's features at the cut, by customer and item."""
    known, _ = evaluation.split(read(lines), epoch(CUT), 14)
    then = past(known, epoch(CUT), SETTINGS, seed=0)
    return features_of(then, np.arange(len(known.customers), dtype=np.int32))


def features_of(then, customers):
    tables = list(examples.tables(then, customers))
    names = then.orders.customers.to_pylist(), then.orders.items.to_pylist()
    return {
        (names[0][customer], names[1][item]): values.tobytes()
        for table in tables
        for customer, item, values in zip(table.customer, table.item, table.values, strict=True)
    }


def test_orders_after_the_cut_change_no_candidate_and_no_feature():
    before = [line for line in shop() if line["time"] < CUT]
    after = [line for line in shop() if line["time"] >= CUT]
    others = [sale(f"a{n}", f"0000{n}", 1 + n, 90, 0.5) for n in range(9)]  # names that sort first
    others += [sale("c1", "10003A", 3, 5, fate="return"), sale("", "10001B", 2, fate="guest")]
    others += [sale("c2", "10001A", 4) | {"description": "renamed"}]
    then = seen(before + after)
    assert len(then) > 300
    assert seen(before + others) == seen(before) == then


def test_an_order_before_the_cut_does_change_features():
    lines = list(shop())
    assert seen([*lines, sale("c1", "10003A", -0.1)]) != seen(lines)


def test_a_candidates_features_are_the_same_whoever_else_is_ranked():
    then = past(read(line for line in shop(customers=90) if line["time"] < CUT), epoch(CUT), SETTINGS, seed=0)
    everyone = features_of(then, np.arange(90, dtype=np.int32))
    some = features_of(then, np.array([77, 3, 41], np.int32))
    assert {customer for customer, _ in some} == {then.orders.customers[row].as_py() for row in (77, 3, 41)}
    assert some == {key: everyone[key] for key in everyone if key[0] in {name for name, _ in some}}


def test_examples_are_what_was_bought_after_each_cut():
    learnt = examples.gather(read(shop()), epoch(CUT), SETTINGS, seed=0)
    fortnight = 14 * DAY_SECONDS
    assert learnt.cuts[:2] == (epoch(CUT) - fortnight, epoch(CUT) - fortnight - 7 * DAY_SECONDS)
    assert 0 < learnt.bought.mean() < 1
    assert learnt.values.shape == (len(learnt.bought), len(features.NAMES))


def test_a_customers_examples_of_a_cut_stand_together():
    learnt = examples.gather(read(shop()), epoch(CUT), SETTINGS, seed=0)
    assert learnt.sizes.sum() == len(learnt.bought)
    edges = np.concatenate([[0], np.cumsum(learnt.sizes)])
    orders = learnt.values[:, [features.NAMES.index(name) for name in ("orders", "spent", "since_first")]]
    for first, end in pairwise(edges.tolist()):
        assert (orders[first:end] == orders[first]).all()


def test_half_of_the_trees_learn_the_order_unless_it_weighs_nothing():
    known = read(shop())
    both, _ = keeping.train(known, epoch(CUT), SETTINGS, seed=0)
    odds, _ = keeping.train(known, epoch(CUT), replace(SETTINGS, ranker_order_weight=0.0), seed=0)
    assert (len(both.starts), len(odds.starts)) == (10, 5)
    values = examples.gather(known, epoch(CUT), SETTINGS, seed=0).values
    twice, _ = keeping.train(known, epoch(CUT), replace(SETTINGS, ranker_order_weight=16.0), seed=0)
    order = both.scores(values) - odds.scores(values)
    assert np.ptp(order) > 0
    assert twice.scores(values) - odds.scores(values) == pytest.approx(2 * order, abs=1e-9)


def test_there_are_no_more_examples_than_wanted():
    few = replace(SETTINGS, ranker_candidates=100)
    learnt = examples.gather(read(shop(customers=200)), epoch(CUT), few, seed=0)
    everyone = examples.gather(read(shop(customers=200)), epoch(CUT), SETTINGS, seed=0)
    assert len(learnt.cuts) == 1 < len(everyone.cuts)
    assert len(learnt.bought) < len(everyone.bought)


def test_every_feature_has_its_name_and_is_a_number():
    known = read(line for line in shop() if line["time"] < CUT)
    then = past(known, epoch(CUT), SETTINGS, seed=0)
    some = group(then, np.array([4, 1, 7], np.int32))
    found = features.facts(some)
    table = features.table(some, found, np.arange(3, dtype=np.int32))
    assert list(dict.fromkeys(table.customer.tolist())) == [4, 1, 7]
    assert len(set(features.NAMES)) == len(features.NAMES) == table.values.shape[1]
    assert np.isfinite(table.values).all()
    count = features.NAMES.index("own_count")
    assert np.array_equal(table.values[:, count] > 0, table.bought)
    assert set(features.NAMES) >= {*found.of_pairs, *found.of_items, *found.of_customers}


def test_columns_stand_where_their_names_say():
    lines = [sale("ann", "10001", -40), sale("ann", "10001", -10), sale("ann", "20002", -10, 4, 3.0)]
    lines += [sale("bob", "10001", -3), sale("bob", "30003", -80)]
    known = read(lines)
    then = past(known, epoch(CUT), replace(SETTINGS, rank=2), seed=0)
    ann = group(then, np.array([0], np.int32))
    table = features.table(ann, features.facts(ann), np.array([0], np.int32))
    row = dict(zip(features.NAMES, table.values[table.item == 0][0], strict=True))
    assert row["own_count"] == 2
    assert row["own_last"] == pytest.approx(10)
    assert row["own_first"] == pytest.approx(40)
    assert row["own_gap"] == pytest.approx(30)
    assert row["own_share"] == 1
    assert row["popular_3"] == 1  # bob
    assert row["popular_14"] == 2
    assert row["item_age"] == pytest.approx(40)
    assert row["item_again"] == pytest.approx(1 / (2 + 5))
    assert row["since_order"] == pytest.approx(10)
    assert row["orders"] == 2
    assert row["basket"] == 1.5
    assert row["spent"] == pytest.approx(np.log1p(2 + 2 + 12))
    unbought = dict(zip(features.NAMES, table.values[table.item == 2][0], strict=True))
    assert (unbought["own_count"], unbought["own_last"], unbought["own_due"]) == (0, 1e4, -1)


def test_too_short_a_history_is_ranked_by_the_blend_and_says_so():
    young = read(line for line in shop(first=-40) if line["time"] < CUT)
    ranker = keeping.ranker(None, young, epoch(CUT), SETTINGS, seed=0)
    assert ranker.forest is None
    assert ranker.said == "the linear blend: 40 days of orders, the ranker wants 44"
    with pytest.raises(HistoryTooShortError):
        keeping.train(young, epoch(CUT), SETTINGS, seed=0)


def test_without_lightgbm_the_blend_ranks_and_says_what_to_install(monkeypatch):
    def missing():
        raise GrowerMissingError("LightGBM cannot be loaded")

    monkeypatch.setattr(growing, "_lightgbm", missing)
    ranker = keeping.ranker(None, read(shop()), epoch(CUT), SETTINGS, seed=0)
    assert (ranker.forest, ranker.said) == (None, "the linear blend: LightGBM cannot be loaded")


def test_a_forest_serves_for_a_day_and_never_where_it_has_seen_more_than_is_known():
    known = read(shop())
    forest, _ = keeping.train(known, epoch(CUT), SETTINGS, seed=0)
    assert keeping.usable(forest, epoch(CUT))
    assert keeping.usable(forest, epoch(CUT) + DAY_SECONDS - 1)
    assert not keeping.usable(forest, epoch(CUT) + DAY_SECONDS)
    assert not keeping.usable(forest, epoch(CUT) - 1)
    assert not keeping.usable(replace(forest, names=("others",)), epoch(CUT))


def test_lists_hold_no_item_twice_nothing_bought_in_discover_and_no_crowd_of_twins():
    known = read(line for line in shop() if line["time"] < CUT)
    forest, _ = keeping.train(known, epoch(CUT), SETTINGS, seed=0)
    then = past(known, epoch(CUT), SETTINGS, seed=0)
    everyone = np.arange(len(known.customers), dtype=np.int32)
    bought = then.fitted.bought
    for lists in (
        ranked.by_forest(then, forest, everyone, 20),
        ranked.by_blend(then.fitted, everyone, SETTINGS, 20),
    ):
        for name, best in lists.items():
            for customer, row in enumerate(best):
                shown = row[row >= 0]
                assert len(set(shown)) == len(shown) > 0
                assert np.bincount(then.base[shown]).max() <= twins.MOST[name]
                if name == "discover":
                    own = bought.item[bought.starts[customer] : bought.starts[customer + 1]]
                    assert not set(shown) & set(own)


def test_who_is_not_ranked_has_an_empty_row():
    known = read(line for line in shop() if line["time"] < CUT)
    then = past(known, epoch(CUT), SETTINGS, seed=0)
    some = ranked.by_blend(then.fitted, np.array([3, 5], np.int32), SETTINGS)["for_you"]
    everyone = ranked.by_blend(then.fitted, np.arange(len(some), dtype=np.int32), SETTINGS)["for_you"]
    assert np.flatnonzero(some[:, 0] >= 0).tolist() == [3, 5]
    assert np.array_equal(some[[3, 5]], everyone[[3, 5]])


def test_twins_too_many_give_way_to_what_comes_next():
    base = twins.base_codes(pa.array(["10001A", "10001B", "10001C", "10001D", "10002", "DCGS0003"]))
    assert base.tolist() == [0, 0, 0, 0, 1, 2]
    best = np.array([[0, 1, 2, 3, 4, 5], [0, 4, 1, 2, -1, -1]], np.int32)
    assert twins.thinned(best, base, 2, 4).tolist() == [[0, 1, 4, 5], [0, 4, 1, -1]]
