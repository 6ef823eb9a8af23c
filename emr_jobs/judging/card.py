"""The model card of a version: what went in, what came out, how good it would have been, what the gate said.

retrain writes it last: a version that has one is whole.
"""

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from contracts.s3_layout import Version
from emr_jobs.judging.gate import Coverage, Verdict
from emr_jobs.judging.intake import Intake
from emr_jobs.judging.trial import Trial
from emr_jobs.orders import Orders
from emr_jobs.settings import Settings, SettingsError, from_dict


@dataclass(frozen=True, slots=True)
class Card:
    version: str
    as_of: str
    run: int
    seed: int
    orders: dict[str, Any]  # counts and the time range of the order lines used
    intake: Intake
    coverage: Coverage
    training: dict[str, Any]  # the start (warm from which version, or cold), the loss after each iteration
    ranking: dict[str, Any]  # by what, of how many customers, and how many of their lists changed
    settings: Settings
    gate: Verdict
    trial: Trial | None  # the last backtest, of this run or an earlier one of the same day
    published: dict[str, Any] | None  # how the lists that were live did with what was bought after them
    seconds: dict[str, float] = field(default_factory=dict)  # each stage's


@dataclass(frozen=True, slots=True)
class Inherited:
    """What the next run wants of a card; what an older one did not hold is None."""

    coverage: Coverage
    settings: Settings | None
    trial: dict[str, Any] | None


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


def write(s3: Any, bucket: str, version: Version, card: dict[str, Any]) -> None:
    text = json.dumps(card, indent=1)
    s3.put_object(Bucket=bucket, Key=version.card, Body=text.encode(), ContentType="application/json")


def plain(card: Card, trial: dict[str, Any] | None) -> dict[str, Any]:
    """The card as JSON; `trial` is an earlier run's, where this one made none."""
    written = asdict(card)
    return written | {"trial": written["trial"] or trial}


def read(s3: Any, bucket: str, version: Version) -> Inherited | None:
    """What a version's card holds, or None where it has none."""
    try:
        held = json.loads(s3.get_object(Bucket=bucket, Key=version.card)["Body"].read())
    except s3.exceptions.NoSuchKey:
        return None
    try:
        settings: Settings | None = from_dict(held["settings"])
    except (SettingsError, KeyError):  # an older card's knew other settings
        settings = None
    return Inherited(Coverage(**held["coverage"]), settings, held.get("trial"))
