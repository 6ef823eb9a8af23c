"""Times that a person names are read the same by `cadabra` and by the steps, and refused in words."""

import argparse
from datetime import UTC, datetime

import pytest

from contracts import arguments
from infra import cli


def test_a_moment_without_a_zone_is_utc_and_one_with_is_moved_there():
    assert arguments.moment("2026-11-20T11:00") == datetime(2026, 11, 20, 11, tzinfo=UTC)
    assert arguments.moment("2026-11-20T11:00+05:30") == datetime(2026, 11, 20, 5, 30, tzinfo=UTC)


def test_a_day_is_its_24_arrival_hours():
    found = arguments.days("2026-11-20")
    assert (found.first, found.last) == (
        datetime(2026, 11, 20, tzinfo=UTC),
        datetime(2026, 11, 20, 23, tzinfo=UTC),
    )


def test_all_days_begin_with_the_oldest_object():
    assert arguments.days("all").first is None


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (arguments.moment, "'x' is no time such as 2026-11-20T11:00"),
        (arguments.hour, "'x' is no hour such as 2026-11-20T09"),
        (arguments.days, "'x' is neither a day such as 2026-11-20 nor all"),
    ],
)
def test_what_is_no_time_is_refused_with_an_example(kind, message):
    with pytest.raises(argparse.ArgumentTypeError, match=message):
        kind("x")


@pytest.mark.parametrize("asked", [["--first", "x"], ["--last", "x"], ["--rebuild", "x"], ["--as-of", "x"]])
def test_retrain_refuses_it_before_a_cluster_is_started(asked, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["--data", str(tmp_path), "retrain", *asked])
    assert ended.value.code == 2
    assert "'x' is n" in capsys.readouterr().err


def test_a_day_anew_and_a_first_hour_exclude_each_other(tmp_path, capsys):
    with pytest.raises(SystemExit):
        cli.main(["--data", str(tmp_path), "retrain", "--first", "2026-11-20T09", "--rebuild", "2026-11-20"])
    assert "not allowed with" in capsys.readouterr().err
