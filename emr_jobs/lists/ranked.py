"""The lists of some customers as item rows: by the forest where there is one, by the linear blend where not.

Rows are those of all customers; who is not ranked has empty ones. Used by retrain and backtest.
"""

import numpy as np

from contracts.lists import STORED_ENTRIES
from emr_jobs import model, topk
from emr_jobs.als.kernel import Ints
from emr_jobs.candidates.past import Past
from emr_jobs.lists import rankings, twins
from emr_jobs.model import Model
from emr_jobs.ranker import ranking
from emr_jobs.ranker.forest import Forest
from emr_jobs.settings import Settings


def by_forest(past: Past, forest: Forest, customers: Ints, count: int = STORED_ENTRIES) -> dict[str, Ints]:
    best = ranking.rank(past, forest, customers, count, twins.MOST)
    return {name: _placed(rows, customers, past.fitted.bought.shape[0]) for name, rows in best.items()}


def by_blend(
    fitted: Model, customers: Ints, settings: Settings, count: int = STORED_ENTRIES
) -> dict[str, Ints]:
    blend, base = model.scores(fitted, settings), twins.base_codes(fitted.factors.items)
    best = rankings.rank(blend.of(customers), count + twins.SPARE)
    thinned = {name: twins.thinned(rows, base, twins.MOST[name], count) for name, rows in best.items()}
    return {name: _placed(rows, customers, len(blend.customers)) for name, rows in thinned.items()}


def _placed(rows: Ints, customers: Ints, length: int) -> Ints:
    placed = np.full((length, rows.shape[1]), topk.NOTHING, np.int32)
    placed[customers] = rows
    return placed
