"""The gate's backtest refits each configuration at one cut; published lists are judged by what came after."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from contracts.history import Note
from contracts.lists import customer_key
from contracts.s3_layout import Version
from emr_jobs import orders, rehearsal
from emr_jobs.judging import daily, gate, published, trial
from emr_jobs.judging.daily import Backtest
from emr_jobs.judging.gate import Coverage, Inherited
from emr_jobs.lists import export
from emr_jobs.lists.export import Ranked
from emr_jobs.orders import DAY_SECONDS, epoch
from emr_jobs.settings import Settings
from emr_jobs.shop import Shop

NOW = datetime(2026, 11, 20, tzinfo=UTC)
SETTINGS = replace(Settings(), gate_customers=20)
LIVE = Inherited(Coverage(1, 1), SETTINGS, None)


def sale(customer, code, days):
    """A sale so many days before now."""
    return {
        "customer": customer,
        "stock_code": code,
        "invoice": f"{customer}/{days}",
        "quantity": 1,
        "time": NOW - timedelta(days=days),
        "unit_price": 1.0,
        "fate": "sale",
    }


def loyal(customers=60, days=50):
    """Everyone buys three of their own ten items every five days, and now and then a neighbour's."""
    noise = np.random.default_rng(3)
    for day in range(1, days, 5):
        for customer in range(customers):
            own = 10 * (customer % 20) + noise.choice(10, 3, replace=False)
            for item in (*own, 10 * ((customer + 1) % 20) + noise.integers(10)):
                yield sale(f"c{customer}", f"{10_000 + item}", day)


def read(lines):
    return orders.from_arrow(pa.Table.from_pylist(list(lines)))


@pytest.fixture(scope="module")
def known():
    return read(loyal())


def test_loyal_customers_lists_beat_popularity_and_pass(known):
    made = trial.trial(known, epoch(NOW), SETTINGS, None, seed=0)
    assert made.customers["for_you"] == 60
    assert {lead.over for lead in made.leads} == {"popularity", "own repeats"}
    over = {(lead.list, lead.over): lead for lead in made.leads}
    assert over["for_you", "popularity"].low > 0
    assert gate.judge(Coverage(1, 1), LIVE, SETTINGS, None, made).passed


def test_a_configuration_that_ruins_the_lists_is_refused_and_the_last_one_is_named(known):
    ruined = replace(SETTINGS, popular_in_for_you=1e6, popular_in_discover=1e6)
    made = trial.trial(known, epoch(NOW), ruined, SETTINGS, seed=0)
    verdict = gate.judge(Coverage(1, 1), LIVE, ruined, None, made)
    assert not verdict.passed
    assert any("for_you is worse than the one in use" in reason for reason in verdict.reasons)
    assert any("for_you is worse than own repeats" in reason for reason in verdict.reasons)


def test_the_same_configuration_is_not_compared_with_itself(known):
    made = trial.trial(known, epoch(NOW), SETTINGS, replace(SETTINGS), seed=0)
    assert "the one in use" not in {lead.over for lead in made.leads}


def test_orders_of_the_judged_fortnight_teach_nothing(known):
    """Another last fortnight is foretold from the same orders: badly, for it has other tastes."""
    early = [line for line in loyal() if line["time"] < NOW - timedelta(days=trial.DAYS)]
    others = [sale(f"c{n}", f"{10_000 + 10 * ((n + 7) % 20)}", 3) for n in range(60)]
    strange = trial.trial(read([*early, *others]), epoch(NOW), SETTINGS, None, seed=0)
    assert strange.ndcg["for_you"] < 0.05 < trial.trial(known, epoch(NOW), SETTINGS, None, 0).ndcg["for_you"]


def test_without_customers_to_judge_by_there_are_no_figures():
    for lines in ([sale("ann", "10001", 30)], [sale("ann", "10001", 3)]):
        made = trial.trial(read(lines), epoch(NOW), SETTINGS, None, seed=0)
        assert (made.customers, made.ndcg, made.leads) == ({"for_you": 0, "discover": 0}, {}, ())
        assert daily.said(made, None) == "too few orders to judge by"


def test_the_list_that_is_a_day_old_is_judged_by_what_was_bought_after_it():
    lines = [
        sale("ann", "10001", 9),
        sale("ann", "10002", 9),
        sale("bob", "10003", 9),
        sale("bob", "10002", 0.5),
    ]
    lines += [sale("ann", "10003", 1), sale("ann", "10002", 0.1)]
    old, young = Version(NOW - timedelta(days=2), 1), Version(NOW - timedelta(hours=2), 2)
    refused = Version(NOW - timedelta(days=1), 3)
    notes = [Note(3, refused, 5, went_live=False), *(Note(n, old, 5, went_live=True) for n in (2, 1))]
    assert list(published.due([Note(4, young, 5, went_live=True), *notes], epoch(NOW))) == [old, old]
    known = read(lines)
    keys = pa.array([customer_key(name) for name in ("ann", "bob")])
    best = Ranked(np.array([[1, 2], [0, 1]], np.int32), np.zeros((2, 2), np.int32))
    rows = export.table(keys, {"for_you": best, "discover": best}, known.items, pa.array(["p"]))
    shown = published.judge(old, rows, known, epoch(NOW))
    second = 1 / np.log2(3)
    assert shown.customers == {"for_you": 2, "discover": 2}
    assert shown.ndcg["for_you"] == pytest.approx((1 + second) / 2)  # ann's two in a row, bob's second
    assert shown.ndcg["discover"] == pytest.approx(second)  # the 10003 of ann's, the 10002 of bob's


def test_a_forest_of_before_the_cut_is_taken_and_none_is_grown(known):
    cut = epoch(NOW) - trial.DAYS * DAY_SECONDS
    asked = []

    def forest_at(*of):
        asked.append(of)
        return replace(rehearsal._one_leaf(), trained=cut - 7_200)

    found = trial.trial(known, epoch(NOW), SETTINGS, replace(SETTINGS, rank=8), 0, forest_at)
    assert found.ranker == "the forest of 2 h before"
    assert asked == [(cut, SETTINGS), (cut, replace(SETTINGS, rank=8))]


def made(settings=SETTINGS, in_use=None):
    judged = trial.Trial(epoch(NOW) - trial.DAYS * DAY_SECONDS, "", {"for_you": 0, "discover": 0}, {})
    return Backtest(judged, settings, in_use, None)


def test_a_backtest_is_due_once_a_day_and_when_what_it_judged_changed():
    other = replace(SETTINGS, rank=8)
    assert not made().due(SETTINGS, SETTINGS, epoch(NOW) + DAY_SECONDS - 1)
    assert made().due(SETTINGS, SETTINGS, epoch(NOW) + DAY_SECONDS)
    assert made().due(SETTINGS, SETTINGS, epoch(NOW) - 1)  # a run as of an earlier time
    assert made().due(other, SETTINGS, epoch(NOW))
    assert made().due(SETTINGS, other, epoch(NOW))  # another one is in use than it was compared with


def test_a_refused_configurations_backtest_is_not_made_again_within_the_day_nor_when_it_went_live():
    refused = made(SETTINGS, in_use=replace(SETTINGS, rank=8))
    assert not refused.due(SETTINGS, replace(SETTINGS, rank=8), epoch(NOW) + 3_600)
    assert not refused.due(SETTINGS, SETTINGS, epoch(NOW) + 3_600)


def test_the_days_backtest_is_the_last_one_as_it_is(known):
    kept, nowhere = made(), Shop(None, None, "", "")
    assert daily.backtest(nowhere, kept, SETTINGS, known, epoch(NOW), SETTINGS, 0) is kept
