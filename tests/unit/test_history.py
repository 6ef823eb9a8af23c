"""Where a rollback goes, also when it is begun again."""

from datetime import UTC, datetime, timedelta

import pytest

from contracts import history
from contracts.history import Note, NothingBeforeError, WentBackError
from contracts.publications import Publication, State
from contracts.s3_layout import Version
from emr_jobs.publishing import retention

A, B, C, D = (Version.parse(f"20261120T1{hour}0000Z-{hour + 1}") for hour in range(4))


def known(number, version, live_number, live, state=State.LIVE):
    return Publication(number, str(version), 1, state, frozenset(), live_number, str(live) if live else "")


def noted(*versions, unfinished=()):
    """One publication after another; the numbers in `unfinished` never went live."""
    notes = [Note(n, version, 5, n not in unfinished) for n, version in enumerate(versions, 1)]
    return notes[::-1]


def test_it_goes_to_the_version_that_was_live_before():
    assert history.version_before(known(3, C, 3, C), noted(A, B, C), [A, B, C]) == B


def test_publishing_the_same_version_again_is_no_step():
    assert history.version_before(known(4, C, 4, C), noted(A, B, C, C), [A, B, C]) == B


def test_what_never_went_live_is_no_way_back():
    assert history.version_before(known(3, C, 3, C), noted(A, B, C, unfinished={2}), [A, B, C]) == A


def test_what_is_deleted_is_no_way_back():
    assert history.version_before(known(3, C, 3, C), noted(A, B, C), [A, C]) == A


def test_run_again_after_it_took_effect_it_stays():
    with pytest.raises(WentBackError, match="went back to, from 20261120T120000Z-3"):
        history.version_before(known(4, B, 4, B), noted(A, B, C, B), [A, B, C])


def test_after_the_next_retrain_it_goes_back_past_the_version_that_was_taken_back():
    assert history.version_before(known(5, D, 5, D), noted(A, B, C, B, D), [A, B, C, D]) == B


@pytest.mark.parametrize("state", [State.OPEN, State.ABANDONED])
def test_a_newer_version_on_its_way_is_taken_back(state):
    assert history.version_before(known(3, C, 2, B, state), noted(A, B, C, unfinished={3}), [A, B, C]) == B


def test_one_that_was_taken_back_on_its_way_stays_back():
    with pytest.raises(WentBackError):
        history.version_before(known(4, B, 4, B), noted(A, B, C, B, unfinished={3}), [A, B, C])


def test_a_rollback_on_its_way_goes_on():
    now = known(4, B, 3, C, State.OPEN)
    assert history.version_before(now, noted(A, B, C, B, unfinished={4}), [A, B, C]) == B


def test_a_rollback_that_was_abandoned_is_begun_again():
    now = known(4, B, 3, C, State.ABANDONED)
    assert history.version_before(now, noted(A, B, C, B, unfinished={4}), [A, B, C]) == B


def test_age_is_when_a_version_first_went_live_because_as_of_may_be_any_time_asked_for():
    earlier = Version(A.as_of, 9)
    assert history.version_before(known(2, earlier, 2, earlier), noted(B, earlier), [B, earlier]) == B


# A study's run number is the time it began: an hourly run that began after it may go live before it.
STUDY = Version.parse("20170503T090000Z-2")


def test_a_study_that_went_live_after_a_run_that_began_later_is_taken_back():
    assert history.version_before(known(3, STUDY, 3, STUDY), noted(A, C, STUDY), [A, C, STUDY]) == C


def test_taken_back_from_such_a_study_the_shop_stays():
    with pytest.raises(WentBackError, match=f"{C} is what the shop went back to, from {STUDY}"):
        history.version_before(known(4, C, 4, C), noted(A, C, STUDY, C), [A, C, STUDY])


def test_such_a_study_on_its_way_is_taken_back_and_not_gone_on_with():
    now = known(3, STUDY, 2, C, State.OPEN)
    assert history.version_before(now, noted(A, C, STUDY, unfinished={3}), [A, C, STUDY]) == C


def test_put_live_again_by_name_a_version_is_taken_back_to_the_one_before_it():
    """Forward again, B to C: that was no rollback, however often C was live."""
    assert history.version_before(known(5, C, 5, C), noted(A, B, C, B, C), [A, B, C]) == B


@pytest.mark.parametrize("now", [None, known(1, A, 0, None, State.OPEN)])
def test_before_anything_is_live_there_is_nothing_to_go_back_from(now):
    with pytest.raises(NothingBeforeError, match="no version is live yet"):
        history.version_before(now, noted(A), [A])


def test_the_first_version_has_none_before_it():
    with pytest.raises(NothingBeforeError, match="no version before"):
        history.version_before(known(1, A, 1, A), noted(A), [A])


def hourly(count):
    """Versions of one hour after another, the first at midnight."""
    return [
        Version(datetime(2026, 8, 1, tzinfo=UTC) + timedelta(hours=hour), hour + 1) for hour in range(count)
    ]


def test_two_days_of_versions_are_kept_and_the_last_of_each_day_before():
    stored = hourly(24 * 5)
    last = stored[-1]
    keep = retention.kept(stored, known(1, last, 1, last), [])
    assert keep == {stored[23], stored[47], stored[71], *stored[-48:]}


def test_the_last_of_a_day_is_kept_for_a_month():
    noons = hourly(24 * 60)[::12]  # two a day: the newest 48 are 24 days
    keep = retention.kept(noons, known(1, noons[-1], 1, noons[-1]), [])
    assert keep == {*noons[-48:], *noons[-59:-48:2]}


def test_what_is_live_and_where_a_rollback_would_go_are_kept_however_old():
    stored = hourly(24 * 25)
    old, older = stored[3], stored[1]
    keep = retention.kept(stored, known(2, old, 2, old), noted(older, old))
    assert {old, older} <= keep
    assert stored[2] not in keep
