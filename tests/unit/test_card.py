"""What the next run reads of a card; one that is none is told from one that is an older one's."""

import json
from dataclasses import asdict

import pytest

from emr_jobs.judging import card
from emr_jobs.judging.card import CardUnreadableError
from emr_jobs.judging.gate import Coverage, Inherited
from emr_jobs.judging.intake import Intake
from emr_jobs.judging.trial import Lead, Trial
from emr_jobs.settings import Settings

TRIAL = Trial(
    5, "a forest", {"for_you": 7}, {"for_you": 0.3}, (Lead("for_you", "popularity", 0.1, 0.2, 0.1, 0.3),)
)
WHOLE = {
    "coverage": {"customers": 3, "items": 5},
    "settings": asdict(Settings()),
    "intake": {"lines": 9, "usual": 8.5},
    "trial": asdict(TRIAL),
}


def load(held):
    return card.load(json.dumps(held).encode())


def test_it_tells_coverage_settings_intake_and_the_days_backtest():
    assert load(WHOLE) == Inherited(Coverage(3, 5), Settings(), Intake(9, 8.5), TRIAL)


def test_an_older_card_held_less_and_its_settings_were_others():
    older = {"coverage": WHOLE["coverage"], "settings": {"forgotten": 1}}
    assert load(older) == Inherited(Coverage(3, 5), None, None, None)


@pytest.mark.parametrize(
    "damage",
    [
        {"settings": []},
        {"coverage": []},
        {"coverage": {"customers": "many", "items": 5}},
        {"intake": [1]},
        {"trial": [1]},
        {"trial": asdict(TRIAL) | {"customers": []}},
        {"trial": asdict(TRIAL) | {"leads": [1]}},
    ],
)
def test_a_card_of_a_wrong_shape_is_none(damage):
    with pytest.raises(CardUnreadableError, match="no model card can be read from it"):
        load(WHOLE | damage)


def test_a_studys_card_says_that_it_is_one():
    with pytest.raises(CardUnreadableError, match="it is a study's card"):
        load(WHOLE | {"study": {}})
