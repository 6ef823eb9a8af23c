"""What of the lake's upkeep is due; only settled days, only so much, only so often."""

from datetime import UTC, date, datetime, timedelta

from emr_jobs.lake.maintenance import (
    BYTES_AT_ONCE,
    DAYS_AT_ONCE,
    MANY_FILES,
    SMALL_FILE,
    Condition,
    Crowd,
    crowded,
    expirable,
    orphans_due,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
OLD = date(2026, 11, 1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_a_day_of_many_small_files_is_due_and_one_of_few_or_large_ones_is_not():
    many = Crowd(OLD, MANY_FILES, 1000)
    few = Crowd(OLD + DAY, MANY_FILES - 1, 1000)
    large = Crowd(OLD + 2 * DAY, MANY_FILES, MANY_FILES * SMALL_FILE)
    assert crowded([few, large, many], NOW) == [OLD]


def test_a_day_is_settled_26_hours_after_its_end():
    day = date(2026, 11, 18)
    settled = datetime(2026, 11, 20, 2, tzinfo=UTC)
    assert crowded([Crowd(day, MANY_FILES, 1)], settled - timedelta(seconds=1)) == []
    assert crowded([Crowd(day, MANY_FILES, 1)], settled) == [day]


def test_one_run_takes_the_fullest_days_and_no_more_than_a_months():
    days = [
        Crowd(date(2026, 1, 1) + DAY * place, MANY_FILES + place, 1000) for place in range(2 * DAYS_AT_ONCE)
    ]
    assert crowded(days, NOW) == [crowd.day for crowd in reversed(days[DAYS_AT_ONCE:])]


def test_one_run_rewrites_a_bounded_number_of_bytes_but_at_least_one_day():
    files = 100 * BYTES_AT_ONCE // SMALL_FILE
    huge, small = Crowd(OLD, files, 2 * BYTES_AT_ONCE), Crowd(OLD + DAY, MANY_FILES, 1000)
    assert crowded([huge, small], NOW) == [OLD]
    halves = [Crowd(OLD + DAY * place, files, BYTES_AT_ONCE // 2) for place in range(3)]
    assert crowded(halves, NOW) == [OLD, OLD + DAY]


def test_snapshots_of_the_last_week_and_the_newest_day_of_them_are_kept():
    hourly = [NOW - HOUR * place for place in range(24 * 9)]
    assert expirable(hourly, NOW) == 2 * 24 - 1
    resting = [NOW - timedelta(days=100) - HOUR * place for place in range(30)]
    assert expirable(resting, NOW) == 6


def test_orphans_are_due_once_a_day_in_a_table_older_than_they():
    def table(age, removed=None):
        return Condition("orders", 1, 1, (NOW - age, NOW), removed)

    assert orphans_due(table(3 * DAY), NOW)
    assert not orphans_due(table(3 * DAY - HOUR), NOW)
    assert not orphans_due(table(9 * DAY, removed=NOW - 23 * HOUR), NOW)
    assert orphans_due(table(9 * DAY, removed=NOW - DAY), NOW)
    assert not orphans_due(Condition("orders", 0, 0, (), None), NOW)
