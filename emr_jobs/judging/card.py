"""The model card of a version: what went in, what came out, how good it would have been, what the gate said.

retrain writes it last: a version that has one is whole.
"""

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from contracts.s3_layout import Version
from emr_jobs.judging import trial
from emr_jobs.judging.gate import Coverage, Inherited, Verdict
from emr_jobs.judging.intake import Intake
from emr_jobs.judging.trial import UNSHAPED, Trial
from emr_jobs.orders import Orders
from emr_jobs.settings import Settings, SettingsError, from_dict


class CardUnreadableError(ValueError):
    """The file is no card; the run compares with nothing."""


class StudysCardError(CardUnreadableError):
    """It is of a study of ratings, whose users are not the shop's customers."""


@dataclass(frozen=True, slots=True)
class Card:
    version: str
    as_of: str
    run: int
    seed: int
    orders: dict[str, Any]  # counts and the time range of the order lines used
    intake: Intake
    coverage: Coverage
    training: dict[str, Any]  # by which trainer and why, from which start, the loss after each iteration
    ranking: dict[str, Any]  # by what, of how many customers, and how many of their lists changed
    settings: Settings
    settings_from: str
    gate: Verdict
    trial: Trial  # the day's backtest, of this run or an earlier one
    published: dict[str, Any] | None  # how the lists that were live did with what was bought after them
    seconds: dict[str, float] = field(default_factory=dict)  # each stage's


def describe(orders: Orders) -> dict[str, Any]:
    first, last = (
        datetime.fromtimestamp(int(edge), UTC) for edge in (orders.seconds.min(), orders.seconds.max())
    )
    return {
        "lines": len(orders),
        "customers": len(orders.customers),
        "items": len(orders.items),
        "first": first.isoformat(),
        "last": last.isoformat(),
    }


def write(s3: Any, bucket: str, version: Version, card: Card) -> None:
    text = json.dumps(asdict(card), indent=1)
    s3.put_object(Bucket=bucket, Key=version.card, Body=text.encode(), ContentType="application/json")


def load(raw: bytes) -> Inherited:
    """What the next run wants of a card."""
    try:
        held = json.loads(raw)
        if "study" not in held:
            return Inherited(_coverage(held["coverage"]), _settings(held), _intake(held), _trial(held))
    except UNSHAPED as error:
        raise CardUnreadableError(f"no model card can be read from it: {error}") from error
    raise StudysCardError("it is a study's card: no model of the shop's orders is to be compared with it")


def _coverage(held: dict[str, Any]) -> Coverage:
    return Coverage(int(held["customers"]), int(held["items"]))


def _intake(held: dict[str, Any]) -> Intake | None:
    if "intake" not in held:
        return None
    return Intake(int(held["intake"]["lines"]), float(held["intake"]["usual"]))


def _trial(held: dict[str, Any]) -> Trial | None:
    return trial.from_plain(held["trial"]) if held.get("trial") else None


def _settings(held: dict[str, Any]) -> Settings | None:
    """None where an older card's knew other settings."""
    try:
        return from_dict(held["settings"])
    except SettingsError:
        return None
