"""The gate's backtest: what the configuration would have done a fortnight ago, beside what needs no model.

Every contender is fitted to the same orders, those from before the cut, and judged by what was bought after
it: a model that has seen the days it is judged by is never asked.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from contracts.lists import CUSTOMER_LISTS, DISCOVER, SHOWN_ENTRIES
from emr_jobs.als.kernel import Ints
from emr_jobs.candidates.past import Past, past
from emr_jobs.judging import evaluation, plain_lists
from emr_jobs.judging.evaluation import Doubles, Truth
from emr_jobs.lists import ranked
from emr_jobs.orders import DAY_SECONDS, Orders
from emr_jobs.ranker import keeping
from emr_jobs.ranker.forest import Forest
from emr_jobs.settings import Settings

DAYS = 14
ForestAt = Callable[[int, Settings], Forest | None]  # of a cut, grown with these settings before it
UNSHAPED = (ValueError, KeyError, TypeError, AttributeError, OverflowError)  # JSON that is no such thing
NEW, IN_USE, POPULAR, AGAIN = "this configuration", "the one in use", "popularity", "own repeats"


@dataclass(frozen=True, slots=True)
class Lead:
    """How much better the new configuration's list is than another's, customer by customer."""

    list: str
    over: str
    ndcg: float  # the other's
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Trial:
    cut: int
    ranker: str
    customers: dict[str, int]  # judged, by list
    ndcg: dict[str, float]  # the new configuration's, by list
    leads: tuple[Lead, ...] = field(default=())


def from_plain(values: dict[str, Any]) -> Trial:
    """As dataclasses.asdict wrote it; raises one of UNSHAPED where it has another shape."""
    return Trial(
        int(values["cut"]),
        str(values["ranker"]),
        {name: int(count) for name, count in values["customers"].items()},
        {name: float(figure) for name, figure in values["ndcg"].items()},
        tuple(map(_lead_from_plain, values["leads"])),
    )


def _lead_from_plain(values: dict[str, Any]) -> Lead:
    figures = (float(values[name]) for name in ("ndcg", "mean", "low", "high"))
    return Lead(str(values["list"]), str(values["over"]), *figures)


def trial(
    orders: Orders,
    now: int,
    settings: Settings,
    in_use: Settings | None,
    seed: int,
    forest_at: ForestAt = lambda _cut, _settings: None,
) -> Trial:
    """`in_use` is refitted to the same orders where it differs; `forest_at` knows what need not be grown."""
    cut = now - DAYS * DAY_SECONDS
    known, window = evaluation.split(orders, cut, DAYS)
    if not len(known):
        return Trial(cut, keeping.BLEND, dict.fromkeys(CUSTOMER_LISTS, 0), {})
    then = past(known, cut, settings, seed)
    truths = {
        name: evaluation.truth(known, then.fitted.bought, window, novel=name == DISCOVER)
        for name in CUSTOMER_LISTS
    }
    judged = {name: len(truth.customers) for name, truth in truths.items()}
    ranker = _ranker(known, cut, settings, seed, forest_at)
    if not all(judged.values()):
        return Trial(cut, ranker.said, judged, {})
    ours = _figures(configured(then, ranker, truths, settings), truths)
    others = {
        POPULAR: _figures(plain_lists.popular(then, plain_lists.LATELY_DAYS), truths),
        AGAIN: _figures(plain_lists.again(then, plain_lists.LATELY_DAYS), truths),
    }
    if in_use and in_use != settings:
        before = _ranker(known, cut, in_use, seed, forest_at)
        lists = configured(past(known, cut, in_use, seed), before, truths, in_use)
        others[IN_USE] = _figures(lists, truths)
    leads = tuple(_lead(name, over, ours, theirs) for over, theirs in others.items() for name in truths)
    return Trial(cut, ranker.said, judged, {name: float(ours[name].mean()) for name in truths}, leads)


def _ranker(known: Orders, cut: int, settings: Settings, seed: int, forest_at: ForestAt) -> keeping.Ranker:
    if found := forest_at(cut, settings):
        return keeping.Ranker(found, f"the forest of {(cut - found.trained) / 3_600:.0f} h before", new=False)
    return keeping.ranker(None, known, cut, settings, seed)


def configured(
    then: Past, ranker: keeping.Ranker, truths: dict[str, Truth], settings: Settings
) -> dict[str, Ints]:
    """The lists of the judged customers as a run with this ranker makes them."""
    customers = np.unique(np.concatenate([truth.customers for truth in truths.values()]))
    if ranker.forest:
        return ranked.by_forest(then, ranker.forest, customers, SHOWN_ENTRIES)
    return ranked.by_blend(then.fitted, customers, settings, SHOWN_ENTRIES)


def _figures(best: dict[str, Ints], truths: dict[str, Truth]) -> dict[str, Doubles]:
    return {name: evaluation.ndcg(best[name], truth, SHOWN_ENTRIES) for name, truth in truths.items()}


def _lead(name: str, over: str, ours: dict[str, Doubles], theirs: dict[str, Doubles]) -> Lead:
    gain = evaluation.paired(ours[name], theirs[name])
    return Lead(name, over, float(theirs[name].mean()), gain.mean, gain.low, gain.high)
