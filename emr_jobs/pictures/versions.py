"""What the versions' cards say: how good the lists were, what the gate decided. Oldest first."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from contracts import history
from contracts.lists import CUSTOMER_LISTS, SHOWN_ENTRIES
from contracts.s3_layout import Version
from emr_jobs.pictures import scales, style
from emr_jobs.shop import Shop

NEWEST = 168  # versions: a week of hours
_READERS = 8
_LEAST = timedelta(days=2)  # of time that is shown: a single point has its date as well


@dataclass(frozen=True, slots=True)
class Told:
    """One whole version's card."""

    version: Version
    passed: bool
    reasons: tuple[str, ...]
    customers: int
    ranked: int  # of them, anew
    trial: dict[str, Any] | None  # the backtest of its run or of an earlier one of that day
    published: dict[str, Any] | None  # how an earlier version did with what was bought after it

    @property
    def as_of(self) -> datetime:
        return self.version.as_of


def told(shop: Shop) -> list[Told]:
    """The newest versions that have a card: one without is not whole."""
    stored = history.versions(shop.s3, shop.bucket)[-NEWEST:]
    with ThreadPoolExecutor(_READERS) as pool:
        return [card for card in pool.map(lambda version: _card(shop, version), stored) if card]


def _card(shop: Shop, version: Version) -> Told | None:
    try:
        card = json.loads(shop.object(version.card))
    except shop.s3.exceptions.NoSuchKey:
        return None
    gate, ranking = card["gate"], card.get("ranking") or {}
    return Told(
        version,
        gate["passed"],
        tuple(gate["reasons"]),
        card["coverage"]["customers"],
        ranking.get("ranked", 0),
        card.get("trial"),
        card.get("published"),
    )


def backtests(cards: list[Told]) -> Iterator[tuple[datetime, str, str, float]]:
    """When, which list, ranked by what, NDCG: a point for each backtest that had someone to judge by."""
    seen = set()
    for card in cards:
        trial = card.trial
        if trial and trial["ndcg"] and trial["cut"] not in seen:
            seen.add(trial["cut"])
            for name, figure in trial["ndcg"].items():
                yield card.as_of, name, "our lists", figure
            for lead in trial["leads"]:
                yield card.as_of, lead["list"], lead["over"], lead["ndcg"]


def by_version(cards: list[Told]) -> Figure | None:
    """The daily backtest's figure of each version that made one, beside what needs no model."""
    points = list(backtests(cards))
    if not points:
        return None
    names = [name for name in CUSTOMER_LISTS if any(list_ == name for _, list_, *_ in points)]
    panels = np.atleast_1d(style.axes(height=2.8 * len(names), rows=len(names)))
    contenders = dict.fromkeys(by for _, _, by, _ in points)
    for axes, name in zip(panels, names, strict=True):
        for contender, colour in zip(contenders, style.PALETTE, strict=False):
            drawn = [(when, figure) for when, list_, by, figure in points if (list_, by) == (name, contender)]
            if drawn:
                axes.plot(*zip(*drawn, strict=True), color=colour, marker="o", label=contender)
        axes.set_ylabel(name)
        axes.set_ylim(bottom=0)
        scales.dates(axes, _LEAST)
    style.legend(panels[0])
    return style.figure_of(panels[-1])


def shown(cards: list[Told]) -> Figure | None:
    """What became of lists that customers really saw."""
    judged = {card.published["version"]: card.published for card in cards if card.published}
    points = [
        (Version.parse(version).as_of, name, figure)
        for version, seen in judged.items()
        for name, figure in seen["ndcg"].items()
    ]
    if not points:
        return None
    axes = style.axes()
    for name, colour in zip(CUSTOMER_LISTS, style.PALETTE, strict=False):
        drawn = [(when, figure) for when, list_, figure in points if list_ == name]
        if drawn:
            axes.plot(*zip(*drawn, strict=True), color=colour, marker="o", label=name)
    axes.set_ylim(bottom=0)
    axes.set_ylabel(f"NDCG@{SHOWN_ENTRIES} of what was bought next")
    style.legend(axes)
    scales.dates(axes, _LEAST)
    return style.figure_of(axes)


def decisions(cards: list[Told]) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    """A table of what the gate said, newest first."""
    columns = ("version", "gate", "customers", "ranked anew", "why")
    rows: list[tuple[object, ...]] = [
        (
            str(card.version),
            "passed" if card.passed else "refused",
            card.customers,
            card.ranked,
            "; ".join(card.reasons),
        )
        for card in reversed(cards)
    ]
    return columns, rows
