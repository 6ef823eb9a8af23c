"""The gate lets a version live or says why not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from emr_jobs import orders
from emr_jobs.judging.gate import Coverage, Verdict, judge
from emr_jobs.judging.intake import intake
from emr_jobs.judging.trial import Lead, Trial
from emr_jobs.settings import Settings

SETTINGS = replace(Settings(), gate_coverage=0.8, gate_worse=0.02, gate_customers=100, gate_intake=10.0)
FULL = Coverage(100, 100)
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def test_the_first_model_passes_and_is_marked():
    verdict = judge(Coverage(10, 10), None, SETTINGS)
    assert verdict.passed
    assert verdict.reasons == ("the first model: nothing live to compare it with",)


def test_a_version_that_covers_four_fifths_passes_unmarked():
    verdict = judge(Coverage(80, 80), Coverage(100, 100), SETTINGS)
    assert (verdict.passed, verdict.reasons) == (True, ())


def test_too_few_customers_or_items_are_refused_each_by_name():
    verdict = judge(Coverage(79, 7), Coverage(100, 10), SETTINGS)
    assert not verdict.passed
    assert verdict.reasons == (
        "79 customers are covered, fewer than 80% of the live version's 100",
        "7 items are covered, fewer than 80% of the live version's 10",
    )


def test_empty_lists_are_refused_even_at_the_first_time():
    for live in (None, Coverage(1, 1)):
        verdict = judge(Coverage(0, 0), live, SETTINGS)
        assert not verdict.passed
        assert verdict.reasons == ("the lists are empty (0 customers, 0 items)",)


def trial(*leads, judged=500):
    return Trial(0, "", {"for_you": judged, "discover": judged}, {"for_you": 0.3, "discover": 0.1}, leads)


def verdict(*leads, judged=500, live=FULL):
    return judge(FULL, live, SETTINGS, None, trial(*leads, judged=judged))


def test_an_interval_wholly_below_popularity_or_own_repeats_refuses():
    below = Lead("for_you", "own repeats", 0.34, -0.02, -0.03, -0.0001)
    assert not verdict(below).passed
    assert verdict(below).reasons == (
        "for_you is worse than own repeats: NDCG@20 -0.0200 [-0.0300, -0.0001]",
    )
    assert not verdict(replace(below, over="popularity")).passed
    assert verdict(replace(below, high=0.0)).passed  # it may be as good


def test_a_new_configuration_may_lose_two_per_cent_of_what_is_in_use():
    worse = Lead("discover", "the one in use", 0.1, -0.004, -0.006, -0.0021)
    assert not verdict(worse).passed
    assert verdict(replace(worse, high=-0.0019)).passed


def test_with_too_few_customers_nothing_is_refused_and_it_is_marked():
    below = Lead("for_you", "popularity", 0.3, -0.2, -0.3, -0.1)
    assert verdict(below, judged=99) == Verdict(
        passed=True, reasons=("only 99 customers to judge by, 100 would decide",)
    )


def test_the_first_model_is_published_however_it_did_and_says_so():
    first = verdict(Lead("for_you", "popularity", 0.3, -0.2, -0.3, -0.1), live=None)
    assert first.passed
    assert first.reasons[1].startswith("for_you is worse than popularity")


def lines_per_day(*counts):
    """Orders with so many lines in each of the last days, the newest first."""
    rows = [
        {
            "customer": "ann",
            "stock_code": "10001",
            "invoice": f"{day}",
            "quantity": 1,
            "time": NOW - timedelta(days=day, hours=1),
            "unit_price": 1.0,
            "fate": "sale",
        }
        for day, count in enumerate(counts)
        for _ in range(count)
    ]
    return orders.from_arrow(pa.Table.from_pylist(rows))


def week(usual):
    """A quiet Saturday is no fault: each day is compared with its own weekday."""
    return [usual if day % 7 == 0 else 5 for day in range(1, 29)]


def test_a_day_unlike_its_weekdays_is_refused_and_an_even_one_is_not():
    for today, passed in ((200, True), (20, True), (19, False), (2_000, True), (2_001, False)):
        arrived = intake(lines_per_day(today, *week(200)), orders.epoch(NOW))
        assert (arrived.lines, arrived.usual) == (today, 200)
        assert judge(FULL, FULL, SETTINGS, arrived).passed is passed


def test_a_small_or_young_shop_has_no_usual_day():
    few = intake(lines_per_day(1, *week(99)), orders.epoch(NOW))
    young = intake(lines_per_day(1, *week(200)[:15]), orders.epoch(NOW))
    assert judge(FULL, FULL, SETTINGS, few).passed
    assert judge(FULL, FULL, SETTINGS, young).passed
