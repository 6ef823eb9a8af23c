"""What the ranker learns from: at earlier weeks' ends, the candidates of then, and which were bought after.

Each week's candidates and features know only what was ordered before it, ALS factors included: those are
trained for it alone, cold.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from emr_jobs.als.kernel import Floats, Ints
from emr_jobs.candidates import block
from emr_jobs.candidates.group import group
from emr_jobs.candidates.past import Past, past
from emr_jobs.judging import evaluation
from emr_jobs.orders import DAY_SECONDS, Flags, Orders
from emr_jobs.ranker import features
from emr_jobs.ranker.features import Table
from emr_jobs.settings import Settings

_WEEK_SECONDS = 7 * DAY_SECONDS


class HistoryTooShortError(ValueError):
    """There are too few weeks to learn from; lists are ranked by the blend."""


@dataclass(frozen=True, slots=True)
class Examples:
    values: Floats  # a column for each of features.NAMES
    bought: Flags
    sizes: Ints  # how many each customer has at each cut; they stand together
    cuts: tuple[int, ...]


def cuts(orders: Orders, now: int, settings: Settings) -> list[int]:
    """The weeks' ends to learn from, the latest first: its days to look ahead end now."""
    earliest = int(orders.seconds.min()) + settings.ranker_memory_days * DAY_SECONDS
    latest = now - int(settings.ranker_days * DAY_SECONDS)
    found = [latest - week * _WEEK_SECONDS for week in range(settings.ranker_cuts)]
    found = [cut for cut in found if cut >= earliest]
    if len(found) < settings.ranker_least_cuts:
        least = settings.ranker_memory_days + settings.ranker_days + 7 * (settings.ranker_least_cuts - 1)
        held = (now - int(orders.seconds.min())) / DAY_SECONDS
        raise HistoryTooShortError(f"{held:.0f} days of orders, the ranker wants {least:.0f}")
    return found


def gather(orders: Orders, now: int, settings: Settings, seed: int) -> Examples:
    """Of all customers who bought after a cut, from the latest cut back until there are enough."""
    noise = np.random.default_rng(seed)
    tables: list[tuple[Floats, Flags, Ints]] = []
    used: list[int] = []
    room = settings.ranker_candidates
    for cut in cuts(orders, now, settings):
        for table, bought in _of_cut(orders, cut, settings, seed, noise):
            kept = bought | (noise.random(len(bought)) < settings.ranker_refused_share)
            sizes = np.unique(table.row[kept], return_counts=True)[1]
            tables.append((table.values[kept], bought[kept], sizes.astype(np.int32)))
            room -= int(kept.sum())
            if room <= 0:
                break
        used.append(cut)
        if room <= 0:
            break
    if not tables:
        raise HistoryTooShortError("nobody who was known at an earlier week's end bought after it")
    values, labels, groups = zip(*tables, strict=True)
    return Examples(np.concatenate(values), np.concatenate(labels), np.concatenate(groups), tuple(used))


def _of_cut(
    orders: Orders, cut: int, settings: Settings, seed: int, noise: np.random.Generator
) -> Iterator[tuple[Table, Flags]]:
    """The tables of the customers who bought after the cut, in a random order, with what they bought."""
    known, window = evaluation.split(orders, cut, settings.ranker_days)
    if not len(known):
        return
    then = past(known, cut, settings, seed)
    truth = evaluation.truth(known, then.fitted.bought, window, novel=False)
    for table in tables(then, noise.permutation(truth.customers)):
        yield table, np.isin(table.customer.astype(np.int64) * truth.width + table.item, truth.keys)


def tables(past: Past, customers: Ints) -> Iterator[Table]:
    """The candidates of these customers, block after block, on all cores."""
    some = group(past, customers)
    known = features.facts(some)
    with ThreadPoolExecutor(os.cpu_count()) as pool, threadpool_limits(1, "blas"):
        yield from pool.map(lambda rows: features.table(some, known, rows), block.rows(len(some)))
