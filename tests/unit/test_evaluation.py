"""The evaluator: global time cut, full ranking, figures computed by hand."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from emr_jobs import model, orders
from emr_jobs.candidates.past import past
from emr_jobs.judging import baselines, evaluation
from emr_jobs.judging.evaluation import OverlapError
from emr_jobs.ratings import pairs
from emr_jobs.settings import Settings

CUT = datetime(2026, 11, 1, tzinfo=UTC)


def sale(customer, code, days, fate="sale"):
    """A sale so many days after the cut."""
    return {
        "customer": customer,
        "stock_code": code,
        "invoice": f"{customer}{days}",
        "quantity": 1,
        "time": CUT + timedelta(days=days),
        "unit_price": 1.5,
        "fate": fate,
    }


# Known at the cut: ann, bob, eve; items 1, 2, 3. Eve buys nothing after it; dan is new; item 4 is new.
LINES = [
    sale("ann", "10001", -3),
    sale("ann", "10002", -2),
    sale("bob", "10003", -2),
    sale("eve", "10003", -1),
    sale("ann", "10001", 0),
    sale("ann", "10003", 1),
    sale("ann", "10004", 1),
    sale("bob", "10003", 13.9),
    sale("bob", "10002", 14),  # after the window of fourteen days
    sale("dan", "10001", 2),
    sale("", "10001", 2, fate="guest"),
    sale("eve", "10001", 2, fate="return"),
]


def split(lines=LINES, days=14):
    every = orders.from_arrow(pa.Table.from_pylist(lines))
    return evaluation.split(every, orders.epoch(CUT), days)


def truth(*, novel):
    known, window = split()
    return evaluation.truth(known, pairs(known), window, novel=novel)


def test_judged_is_who_was_known_and_bought_in_the_window():
    bought = truth(novel=False)
    assert bought.customers.tolist() == [0, 1]  # ann and bob
    assert bought.sizes.tolist() == [3, 1]  # the item that is new counts, and can only be missed
    assert (bought.keys % bought.width).tolist() == [0, 2, 2]


def test_novel_is_only_what_that_customer_never_bought():
    bought = truth(novel=True)
    assert bought.customers.tolist() == [0]
    assert bought.sizes.tolist() == [2]  # 10003 and the new 10004
    assert (bought.keys % bought.width).tolist() == [2]


def test_the_figures_are_those_computed_by_hand():
    best = np.array([[2, 1, 0], [0, 2, -1], [-1, -1, -1]], np.int32)
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert evaluation.ndcg(best, truth(novel=False), 3).tolist() == [
        pytest.approx((1 + 1 / math.log2(4)) / ideal),
        pytest.approx(1 / math.log2(3)),
    ]
    assert evaluation.recall(best, truth(novel=False), 3).tolist() == [pytest.approx(2 / 3), 1]
    assert evaluation.recall(best, truth(novel=False), 1).tolist() == [pytest.approx(1 / 3), 0]


def test_the_ideal_list_is_no_longer_than_the_list():
    best = np.array([[0], [2], [0]], np.int32)
    assert evaluation.ndcg(best, truth(novel=False), 1).tolist() == [1, 1]


def test_orders_to_learn_from_inside_the_window_are_refused():
    known, window = split()
    with pytest.raises(OverlapError, match="older than the window"):
        evaluation.truth(window, pairs(window), known, novel=False)
    with pytest.raises(OverlapError):
        evaluation.truth(window, pairs(window), window, novel=False)


def test_orders_after_the_cut_change_nothing_that_is_learnt():
    more = [sale("ann", "10003", 5), sale("fay", "10009", 1)]
    lists = []
    for lines in (LINES, LINES + more):
        known, _ = split(lines)
        fitted = model.fit(known, orders.epoch(CUT), Settings(), seed=0)
        lists.append(model.lists(fitted, Settings(), 3))
    assert lists[0].keys() == lists[1].keys()
    assert all(np.array_equal(lists[0][name], lists[1][name]) for name in lists[0])


def test_popularity_and_own_purchases_rank_as_their_names_say():
    known, _ = split([*LINES, sale("bob", "10003", -1), sale("bob", "10001", -20), sale("eve", "10001", -20)])
    then = past(known, orders.epoch(CUT), Settings(), seed=0)
    everyone = np.arange(3, dtype=np.int32)
    ranked = {
        baseline.name: baseline.rank(then, everyone, Settings(), 0)["for_you"][:, :3].tolist()
        for baseline in baselines.BASELINES
    }
    assert ranked["popularity, all time"] == [[0, 2, 1]] * 3  # three customers, two, one
    assert ranked["popularity, 14 days"] == [[2, 0, 1]] * 3  # 10003: bob and eve
    assert ranked["own purchases"][0] == [0, 1, 2]  # ann's: each once, and 10001 no less popular than 10002
    assert ranked["own purchases"][1] == [2, 0, 1]  # bob's: 10003 twice


def test_a_paired_interval_holds_the_mean_and_shrinks_with_agreement():
    noise = np.random.default_rng(0)
    theirs = noise.random(500)
    steady = evaluation.paired(theirs + 0.1, theirs)
    assert (steady.mean, steady.low, steady.high) == pytest.approx((0.1, 0.1, 0.1))
    shaky = evaluation.paired(noise.random(500), theirs)
    assert shaky.low < 0 < shaky.high
    assert shaky.low < shaky.mean < shaky.high
