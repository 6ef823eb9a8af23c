"""The gate lets a version live or says why not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from emr_jobs import orders
from emr_jobs.judging.gate import BY_LOCAL, UNTOLD, Coverage, Inherited, Verdict, judge
from emr_jobs.judging.intake import Intake, intake
from emr_jobs.judging.trial import Lead, Trial
from emr_jobs.settings import Settings

SETTINGS = replace(Settings(), gate_coverage=0.8, gate_worse=0.02, gate_customers=100, gate_intake=10.0)
FULL = Coverage(100, 100)


def live(customers=100, items=100, intake=None):
    return Inherited(Coverage(customers, items), SETTINGS, intake)


LIVE = live()
OTHER = replace(LIVE, settings=replace(SETTINGS, rank=8))
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def test_the_first_model_passes_and_is_marked():
    verdict = judge(Coverage(10, 10), None, SETTINGS, first=True)
    assert verdict.passed
    assert verdict.reasons == ("the first model: nothing live to compare it with",)


def test_a_version_that_covers_four_fifths_passes_unmarked():
    verdict = judge(Coverage(80, 80), live(), SETTINGS)
    assert (verdict.passed, verdict.reasons) == (True, ())


def test_too_few_customers_or_items_are_refused_each_by_name():
    verdict = judge(Coverage(79, 7), live(items=10), SETTINGS)
    assert not verdict.passed
    assert verdict.reasons == (
        "79 customers are covered, fewer than 80% of the live version's 100",
        "7 items are covered, fewer than 80% of the live version's 10",
    )


def test_empty_lists_are_refused_even_at_the_first_time():
    for before in (None, live(1, 1)):
        verdict = judge(Coverage(0, 0), before, SETTINGS)
        assert not verdict.passed
        assert verdict.reasons == ("the lists are empty (0 customers, 0 items)",)


def trial(*leads, judged=500):
    return Trial(0, "", {"for_you": judged, "discover": judged}, {"for_you": 0.3, "discover": 0.1}, leads)


def verdict(*leads, judged=500, before=LIVE):
    return judge(FULL, before, SETTINGS, None, trial(*leads, judged=judged), first=before is None)


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
    assert not verdict(worse, before=OTHER).passed
    assert verdict(replace(worse, high=-0.0019), before=OTHER).passed


def test_what_was_in_use_before_these_settings_went_live_is_no_measure_any_more():
    worse = Lead("discover", "the one in use", 0.1, -0.05, -0.06, -0.04)
    assert verdict(worse, before=LIVE) == Verdict(passed=True, reasons=())


def test_what_the_same_backtest_said_of_the_live_version_refuses_no_other():
    """Somebody put the refused version live; tomorrow's backtest is another, and asks again."""
    below = Lead("for_you", "popularity", 0.34, -0.02, -0.03, -0.01)
    anyway = replace(LIVE, trial=trial(below))
    said = "for_you is worse than popularity: NDCG@20 -0.0200 [-0.0300, -0.0100]"
    assert verdict(below, before=anyway) == Verdict(
        passed=True, reasons=(f"{said}, as the live version was in the same backtest",)
    )
    tomorrow = replace(anyway, trial=replace(trial(below), cut=86_400))
    assert verdict(below, before=tomorrow) == Verdict(passed=False, reasons=(said,))
    assert not verdict(below, before=replace(anyway, settings=OTHER.settings)).passed


def test_a_live_version_whose_card_tells_nothing_excuses_nothing_that_needs_no_card():
    below = trial(Lead("for_you", "popularity", 0.3, -0.2, -0.3, -0.1))
    assert judge(Coverage(1, 1), None, SETTINGS) == Verdict(passed=True, reasons=(UNTOLD,))
    assert not judge(FULL, None, SETTINGS, None, below).passed
    assert not judge(FULL, None, SETTINGS, Intake(lines=200_000, usual=1_400)).passed


def test_what_mllib_trained_was_not_what_the_backtest_judged_and_is_marked():
    assert judge(FULL, LIVE, SETTINGS, driver="mllib") == Verdict(passed=True, reasons=(BY_LOCAL,))
    assert judge(FULL, LIVE, SETTINGS, driver="spark").reasons == ()


def test_a_backtest_that_names_no_list_judged_nobody():
    nobody = Trial(0, "", {}, {})
    assert judge(FULL, LIVE, SETTINGS, None, nobody).reasons == (
        "only 0 customers to judge by, 100 would decide",
    )


def test_with_too_few_customers_nothing_is_refused_and_it_is_marked():
    below = Lead("for_you", "popularity", 0.3, -0.2, -0.3, -0.1)
    assert verdict(below, judged=99) == Verdict(
        passed=True, reasons=("only 99 customers to judge by, 100 would decide",)
    )


def test_the_first_model_is_published_however_it_did_and_says_so():
    first = verdict(Lead("for_you", "popularity", 0.3, -0.2, -0.3, -0.1), before=None)
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
        assert judge(FULL, LIVE, SETTINGS, arrived).passed is passed


def test_a_small_or_young_shop_has_no_usual_day():
    few = intake(lines_per_day(1, *week(99)), orders.epoch(NOW))
    young = intake(lines_per_day(1, *week(200)[:15]), orders.epoch(NOW))
    assert judge(FULL, LIVE, SETTINGS, few).passed
    assert judge(FULL, LIVE, SETTINGS, young).passed


def test_a_day_that_was_put_live_though_it_was_unlike_is_usual_for_the_next_runs():
    """Somebody looked, and published the refused version anyway: the hours after it are no surprise."""
    burst = Intake(lines=200_000, usual=1_400)
    assert not judge(FULL, LIVE, SETTINGS, burst).passed
    assert judge(FULL, live(intake=burst), SETTINGS, Intake(190_000, 1_400)).passed
    assert judge(FULL, live(intake=burst), SETTINGS, Intake(1_500, 1_400)).passed  # and it is over
    assert not judge(FULL, live(intake=burst), SETTINGS, Intake(2_100_000, 1_400)).passed


def test_a_flood_that_grows_from_hour_to_hour_is_refused_all_the_same():
    """A live day that was like its weekdays excuses nothing."""
    grown = Intake(lines=13_000, usual=1_400)
    assert judge(FULL, LIVE, SETTINGS, grown).passed
    assert not judge(FULL, live(intake=grown), SETTINGS, Intake(19_000, 1_400)).passed
