"""Every contender's lists at one cut and what they were worth, by customer. Used by backtest.

The judged are the customers known at the cut who bought in the days after it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from contracts.lists import CUSTOMER_LISTS, DISCOVER, FOR_YOU, SHOWN_ENTRIES
from emr_jobs.als.kernel import Ints
from emr_jobs.candidates.past import Past, past
from emr_jobs.judging import baselines, evaluation, trial
from emr_jobs.judging.baselines import Lists
from emr_jobs.judging.evaluation import Doubles, Truth
from emr_jobs.orders import Orders
from emr_jobs.ranker import keeping
from emr_jobs.settings import Settings

OURS = "our lists"
NEWCOMER_INVOICES = 2  # at most
BULK_QUANTILE = 0.9  # of pieces a line: a tenth of the customers buys for resale
Tell = Callable[[str], None]


class NothingToJudgeError(ValueError):
    """No known customer bought in the window."""


@dataclass(slots=True)
class Comparison:
    """Figures by contender and list: a mean over seeds for each judged customer."""

    known: Orders
    past: Past  # of the first seed
    cut: int
    ranker: str
    truths: dict[str, Truth]
    ndcg: dict[tuple[str, str], Doubles] = field(default_factory=dict)
    recall: dict[tuple[str, str], Doubles] = field(default_factory=dict)
    lists: dict[str, Lists] = field(default_factory=dict)  # of the first seed


def compare(orders: Orders, cut: int, days: float, seeds: int, settings: Settings, tell: Tell) -> Comparison:
    known, window = evaluation.split(orders, cut, days)
    if not len(known):
        raise NothingToJudgeError("no orders lie before the cut: choose another --cut, a later one")
    tell("models")
    pasts = [past(known, cut, settings, seed) for seed in range(seeds)]
    found = Comparison(known, pasts[0], cut, "", _truths(known, pasts[0], window))
    customers = np.unique(np.concatenate([truth.customers for truth in found.truths.values()]))
    for name, seeded in _all(found, pasts, customers, settings, tell):
        found.lists[name] = seeded[0]
        for list_, truth in found.truths.items():
            for figures, figure in ((found.ndcg, evaluation.ndcg), (found.recall, evaluation.recall)):
                each = [figure(best[list_], truth, SHOWN_ENTRIES) for best in seeded]
                figures[name, list_] = np.mean(each, axis=0)
    return found


STEPS = len(baselines.BASELINES) + 2  # how often `tell` is called


def _all(
    found: Comparison, pasts: list[Past], customers: Ints, settings: Settings, tell: Tell
) -> Iterator[tuple[str, list[Lists]]]:
    """Each contender with its lists for each seed, ours last."""
    for baseline in baselines.BASELINES:
        tell(baseline.name)
        if baseline.fits(pasts[0]):
            used = pasts if baseline.seeded else pasts[:1]
            lists = [baseline.rank(one, customers, settings, seed) for seed, one in enumerate(used)]
            yield baseline.name, lists
    tell(OURS)
    ours: list[Lists] = []
    for seed, one in enumerate(pasts):
        ranker = keeping.ranker(None, found.known, found.cut, settings, seed)
        found.ranker = ranker.said
        ours.append(trial.configured(one, ranker, found.truths, settings))
    yield OURS, ours


def _truths(known: Orders, then: Past, window: Orders) -> dict[str, Truth]:
    truths = {
        name: evaluation.truth(known, then.fitted.bought, window, novel=name == DISCOVER)
        for name in CUSTOMER_LISTS
    }
    for name, truth in truths.items():
        if not len(truth.customers):
            raise NothingToJudgeError(
                f"no customer of the {len(known):,} lines before the cut bought anything for {name} in the "
                f"{len(window):,} lines of the window: choose another --cut or more --days"
            )
    return truths


def segments(found: Comparison) -> dict[str, "np.ndarray[tuple[int], np.dtype[np.bool_]]"]:
    """Which of the judged customers of for_you are newcomers, regulars, and who buys in bulk."""
    bought, orders = found.past.fitted.bought, found.known
    width = bought.shape[0]
    known = orders.sold & (orders.customer >= 0)
    numbers = int(orders.invoice.max(initial=0)) + 1
    invoice = np.unique(orders.customer[known].astype(np.int64) * numbers + orders.invoice[known])
    invoices = np.bincount(invoice // numbers, minlength=width)
    lines = np.bincount(orders.customer[known], minlength=width).astype(np.float64)
    sold = np.bincount(orders.customer[known], orders.quantity[known], width).astype(np.float64)
    pieces = sold / np.maximum(1, lines)
    judged = found.truths[FOR_YOU].customers
    bulk = pieces >= np.quantile(pieces[invoices > 0], BULK_QUANTILE)
    new = invoices <= NEWCOMER_INVOICES
    return {
        "newcomers": (new & ~bulk)[judged],
        "regulars": (~new & ~bulk)[judged],
        "bulk": bulk[judged],
    }


def spread_of(found: Comparison, contender: str, name: str) -> tuple[float, float]:
    """Which share of the items a contender's lists show at all, and how surprising an entry is, in bits."""
    bought = found.past.fitted.bought
    best = found.lists[contender][name][found.truths[name].customers]
    shown = best[best >= 0]
    sold = int(np.count_nonzero(found.past.blend.sold))
    customers = max(1.0, float(bought.shape[0]))
    share = np.bincount(bought.item, minlength=bought.shape[1]) / customers
    bits = -np.log2(np.maximum(share[shown], 1 / customers))
    return len(np.unique(shown)) / max(1, sold), float(bits.mean()) if len(bits) else 0.0
