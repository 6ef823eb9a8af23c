"""A version's model card in one line, for `cadabra status`: what ranked, how good, what the gate said."""

import json
from typing import Any

from contracts.s3_layout import Version


def summary(s3: Any, bucket: str, version: Version) -> str:
    """One line of the card of a version; what an older card does not hold is left out."""
    try:
        card = json.loads(s3.get_object(Bucket=bucket, Key=version.card)["Body"].read())
    except s3.exceptions.NoSuchKey:
        return f"{version} has no model card"
    return said(card)


def said(card: dict[str, Any]) -> str:
    parts = [_ranked(card.get("ranking")), _backtest(card.get("trial")), _gate(card["gate"])]
    return "; ".join(filter(None, parts))


def _ranked(ranking: dict[str, Any] | None) -> str:
    if not ranking:
        return ""
    by = "a forest" if ranking["by"].startswith("the forest") else ranking["by"]
    return f"{ranking['customers']:,} customers, {ranking['ranked']:,} of them ranked anew by {by}"


def _backtest(trial: dict[str, Any] | None) -> str:
    if not trial or not trial["ndcg"]:
        return "no backtest yet"
    leads = {(lead["list"], lead["over"]): lead["mean"] for lead in trial["leads"]}
    figures = ", ".join(
        f"{name} {figure:.3f} ({leads[name, 'popularity']:+.3f} over popularity)"
        for name, figure in trial["ndcg"].items()
    )
    return f"NDCG@20 {figures}"


def _gate(gate: dict[str, Any]) -> str:
    verdict = "passed the gate" if gate["passed"] else "refused by the gate"
    return f"{verdict}: {'; '.join(gate['reasons'])}" if gate["reasons"] else verdict
