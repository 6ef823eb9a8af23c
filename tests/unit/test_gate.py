"""The gate lets a version live or says why not."""

from dataclasses import replace

from emr_jobs.gate import Coverage, judge
from emr_jobs.settings import Settings

SETTINGS = replace(Settings(), gate_coverage=0.8)


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
