"""Hours in which nothing arrived are told, but not those in which a shop is closed each week."""

from datetime import UTC, datetime, timedelta

from emr_jobs.lake import hours
from infra.lake.arrivals import WINDOW, Arrived, Waiting, silence

MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)


def arrived(*hours):
    return [Arrived("orders/a", hour) for hour in hours]


def opening_hours(weeks, closed=()):
    """A shop that is open from nine to five but on Saturdays; nothing came in the `closed` hours."""
    hours = (MONDAY + HOUR * place for place in range(weeks * 7 * 24))
    return [hour for hour in hours if 9 <= hour.hour < 17 and hour.weekday() != 5 and hour not in closed]


def test_an_hour_without_an_object_between_two_with_objects_is_missing():
    found = silence(arrived(MONDAY, MONDAY + HOUR * 3 + timedelta(minutes=20), MONDAY + HOUR * 4))
    assert (found.hours, found.of) == (2, 5)
    assert found.ranges == ((MONDAY + HOUR, MONDAY + HOUR * 2),)


def test_no_objects_and_one_hour_of_objects_have_no_missing_hour():
    assert not silence([])
    assert not silence(arrived(MONDAY, MONDAY))


def test_what_is_closed_in_most_weeks_is_not_missing():
    assert not silence(arrived(*opening_hours(weeks=4)))


def test_an_hour_that_is_open_in_other_weeks_is_missing():
    lost = MONDAY + timedelta(days=8, hours=11)
    found = silence(arrived(*opening_hours(weeks=4, closed={lost})))
    assert found.ranges == ((lost, lost),)


def test_a_long_outage_is_one_range_though_nights_lie_within():
    lost = {MONDAY + timedelta(days=8) + HOUR * place for place in range(48)}
    found = silence(arrived(*opening_hours(weeks=5, closed=lost)))
    assert found.hours == 16
    assert found.ranges == ((MONDAY + timedelta(days=8, hours=9), MONDAY + timedelta(days=9, hours=16)),)


def test_weeks_without_anything_make_no_hour_usual():
    late = [hour + timedelta(weeks=100) for hour in opening_hours(weeks=4)]
    found = silence(arrived(*opening_hours(weeks=4), *late))
    assert len(found.ranges) == 1


def test_before_there_are_three_weeks_nothing_is_usual():
    found = silence(arrived(*opening_hours(weeks=2)))
    assert (MONDAY + HOUR * 17, MONDAY + HOUR * 32) in found.ranges


def test_objects_older_than_a_run_looks_back_are_overlooked():
    newest_run = datetime(2026, 11, 20, 9, 21, tzinfo=UTC)
    young, old = (newest_run - timedelta(hours=26, minutes=21) + HOUR * place for place in (0, -1))
    assert not Waiting.of(arrived(young)).overlooked(newest_run)
    assert Waiting.of(arrived(young, old)).overlooked(newest_run)
    assert not Waiting.of([]).overlooked(newest_run)


def test_a_lake_without_a_run_begins_with_the_oldest_object():
    assert not Waiting.of(arrived(MONDAY)).overlooked(None)


def test_status_knows_how_far_a_run_looks_back():
    assert WINDOW == hours.WINDOW
