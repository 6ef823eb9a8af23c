"""`cadabra tune` sees no day it should not, keeps what is better, and writes a file that the job reads."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from emr_jobs import orders, settings
from emr_jobs.judging import tune
from emr_jobs.judging.comparison import NothingToJudgeError
from emr_jobs.judging.tune import Fortnight
from emr_jobs.settings import Settings, SettingsError

END = datetime(2026, 10, 1, tzinfo=UTC)


def lines(days=60, after=()):
    """Thirty customers of two tastes, half of them buying three items every other day; and what came."""
    noise = np.random.default_rng(0)
    for day in range(-days, 0, 2):
        for customer in noise.choice(30, 15, replace=False):
            for item in noise.choice(12, 3, replace=False):
                yield sale(f"c{customer}", f"{1 + customer % 2}00{item:02}", day)
    yield from after


def sale(customer, code, day):
    return {
        "customer": customer,
        "stock_code": code,
        "invoice": f"{customer}/{day}",
        "quantity": 1,
        "time": END + timedelta(days=day),
        "unit_price": 1.0,
        "fate": "sale",
    }


def fortnight(**shop):
    return Fortnight.before(orders.from_arrow(pa.Table.from_pylist(list(lines(**shop)))), orders.epoch(END))


def test_what_was_ordered_from_the_day_on_changes_nothing():
    later = [sale(f"c{n}", f"100{n:02}", n) for n in range(12)] * 3
    assert tune.search(fortnight(), 3, seed=1) == tune.search(fortnight(after=later), 3, seed=1)


def test_what_is_found_is_no_worse_than_the_defaults_on_the_fortnight():
    judged = fortnight()
    found = tune.search(judged, 3, seed=1)
    assert judged.worth(judged.fit(found), found) >= judged.worth(judged.fit(Settings()), Settings()) - 0.01


def test_a_day_without_a_fortnight_before_it_is_refused():
    with pytest.raises(NothingToJudgeError, match="choose another day"):
        fortnight(days=10)


def test_settings_are_read_back_from_their_file():
    drawn = tune._drawn(np.random.default_rng(5))
    assert settings.from_toml(settings.to_toml(drawn)) == drawn
    assert settings.from_toml("") == Settings()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ranck = 8", "there is no setting ranck"),
        ("rank = 8.5", "no whole number"),
        ("rank = true", "no number"),
        ("rank = -1", "below zero"),
        ("iterations = 0", "zero, which it cannot be"),
        ("rating_half_life_days = 0.0", "zero, which it cannot be"),
        ("gate_intake = 0.5", "below 1"),
        ("ranker_row_share = 1.5", "more than 1, the whole"),
        ("regularisation = nan", "no number"),
        ("rank = inf", "no number"),
        ("rank = '8'", "no number"),
        ("rank = 1" + 400 * "0", "above 1024"),
        ("ranker_depth = 65", "above 64"),
        ("popular_days = 1e13", "above 1e"),
        ("rank = ", "no TOML"),
    ],
)
def test_a_wrong_setting_is_named(text, message):
    with pytest.raises(SettingsError, match=message):
        settings.from_toml(text)
