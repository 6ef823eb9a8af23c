"""The model card of a version: what went in, what came out, what the gate said.

retrain writes it last: a version that has one is whole.
"""

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from contracts.s3_layout import Version
from emr_jobs.gate import Coverage, Verdict
from emr_jobs.orders import Orders
from emr_jobs.settings import Settings


@dataclass(frozen=True, slots=True)
class Card:
    version: str
    as_of: str
    run: int
    seed: int
    orders: dict[str, Any]  # counts and the time range of the order lines used
    coverage: Coverage
    training: dict[str, Any]  # the start (warm from which version, or cold), the loss after each iteration
    settings: Settings
    gate: Verdict
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


def read_coverage(s3: Any, bucket: str, version: Version) -> Coverage | None:
    """What a version covers, or None where it has no card."""
    try:
        raw = s3.get_object(Bucket=bucket, Key=version.card)["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None
    return Coverage(**json.loads(raw)["coverage"])
