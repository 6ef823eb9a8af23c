"""How lists that were shown did: each published one is judged by what was bought after it was made."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from contracts.history import Note
from contracts.lists import CUSTOMER_LISTS, DISCOVER, SHOWN_ENTRIES, customer_key
from contracts.s3_layout import Version
from emr_jobs import topk
from emr_jobs.als.kernel import Ints
from emr_jobs.judging import evaluation
from emr_jobs.orders import DAY_SECONDS, Orders, epoch
from emr_jobs.ratings import pairs

LEAST_DAYS = 1.0  # a list is judged by at least so much
MOST_DAYS = 14.0


@dataclass(frozen=True, slots=True)
class Shown:
    version: str
    days: float
    customers: dict[str, int]  # judged, by list
    ndcg: dict[str, float]


def from_plain(values: dict[str, Any]) -> Shown:
    """As dataclasses.asdict wrote it; raises one of UNSHAPED where it has another shape."""
    return Shown(
        str(values["version"]),
        float(values["days"]),
        {name: int(count) for name, count in values["customers"].items()},
        {name: float(figure) for name, figure in values["ndcg"].items()},
    )


def due(noted: Iterable[Note], now: int) -> Iterator[Version]:
    """What went live and is old enough to be judged, in the order of the notes."""
    for note in noted:
        if note.went_live and epoch(note.version.as_of) <= now - LEAST_DAYS * DAY_SECONDS:
            yield note.version


def judge(version: Version, rows: pa.Table, orders: Orders, now: int) -> Shown:
    """`rows` are the version's customers' lists; `orders` those from before `now`."""
    made = epoch(version.as_of)
    days = min(MOST_DAYS, (now - made) / DAY_SECONDS)
    known, window = evaluation.split(orders, made, days)
    customers, ndcg = dict.fromkeys(CUSTOMER_LISTS, 0), {}
    bought = pairs(known)
    for name in CUSTOMER_LISTS:
        truth = evaluation.truth(known, bought, window, novel=name == DISCOVER)
        customers[name] = len(truth.customers)
        if len(truth.customers):
            best = _rows(rows, name, known)
            ndcg[name] = float(evaluation.ndcg(best, truth, SHOWN_ENTRIES).mean())
    return Shown(str(version), round(days, 2), customers, ndcg)


def _rows(rows: pa.Table, name: str, known: Orders) -> Ints:
    """The lists as rows of the known customers and items."""
    keys = pa.array([customer_key(customer) for customer in known.customers.to_pylist()])
    places = pc.index_in(rows["key"].combine_chunks(), keys)
    listed = rows[name].combine_chunks()
    lengths = pc.fill_null(pc.list_value_length(listed), 0).to_numpy(zero_copy_only=False)
    codes = pc.fill_null(pc.index_in(listed.flatten(), known.items), topk.NOTHING)
    row = np.repeat(pc.fill_null(places, -1).to_numpy(zero_copy_only=False), lengths)
    place = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    best = np.full((len(known.customers), SHOWN_ENTRIES), topk.NOTHING, np.int32)
    shown = (row >= 0) & (place < SHOWN_ENTRIES)
    best[row[shown], place[shown]] = codes.to_numpy(zero_copy_only=False)[shown]
    return best
