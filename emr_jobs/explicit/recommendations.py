"""Everybody's best items that they never rated, and why each: made in tasks, a block of users at a time.

What comes back is a list for each user: as CSV, as Parquet, and in the form in which the shop's go live.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from contracts import order_line
from contracts.lists import (
    DISCOVER,
    FOR_YOU,
    POPULAR,
    POPULAR_KEY,
    STORED_ENTRIES,
    Reason,
    ReasonKind,
    customer_key,
)
from emr_jobs import topk
from emr_jobs.als.kernel import Ints
from emr_jobs.explicit.blocks import Block, Ratings, blocks
from emr_jobs.explicit.fitted import Fitted
from emr_jobs.lists import export
from emr_jobs.lists.export import Ranked

if TYPE_CHECKING:
    from pyspark import Broadcast

# Grain: a block of users. int32 item rows, so many for each user, best first; and the liked item each
# follows.
_LISTED = "first long, items binary, because binary"
_SCHEMA = pa.schema([("first", pa.int64()), ("items", pa.binary()), ("because", pa.binary())])
COLUMNS = ("user", "rank", "item", "title", "because")


class NoListsError(ValueError):
    """There is nobody whom anything could be served to; the message says why."""


@dataclass(frozen=True, slots=True)
class Lists:
    """Rows are the users', columns the places; topk.NOTHING where a list has ended, or nothing is said."""

    users: pa.StringArray
    items: pa.StringArray
    titles: pa.StringArray  # of `items`
    best: Ints
    because: Ints
    popular: Ints  # what most lists show


def make(
    spark: SparkSession, ratings: Ratings, titles: dict[str, str], fitted: Fitted, liked: float
) -> Lists:
    told = spark.sparkContext.broadcast((fitted, liked))
    try:
        listed = ratings.by_user.mapInArrow(_lister(told), _LISTED).toArrow()
    finally:
        told.destroy()
    shape = len(ratings.users), STORED_ENTRIES
    best, because = np.full(shape, topk.NOTHING, np.int32), np.full(shape, topk.NOTHING, np.int32)
    for first, *columns in zip(*(listed[name] for name in _SCHEMA.names), strict=True):
        for whole, raw in zip((best, because), columns, strict=True):
            rows = np.frombuffer(raw.as_buffer(), np.int32).reshape(-1, STORED_ENTRIES)
            whole[first.as_py() : first.as_py() + len(rows)] = rows
    shown = np.bincount(best[best >= 0], minlength=len(ratings.items))
    popular = np.argsort(-shown, kind="stable")[:STORED_ENTRIES].astype(np.int32)
    names = ratings.items.names
    called = pa.array([titles.get(name, name) for name in names.to_pylist()], pa.string())
    return Lists(ratings.users.names, names, called, best, because, popular)


def table(lists: Lists, count: int) -> pa.Table:
    """Rows of COLUMNS: the first `count` of each user, in the users' order."""
    best, because = lists.best[:, :count], lists.because[:, :count]
    shown = best >= 0
    user, place = np.nonzero(shown)
    items = pa.array(best[shown])
    reasons = pa.array(because[shown], mask=because[shown] < 0)
    return pa.table(
        [
            lists.users.take(pa.array(user)),
            pa.array(place + 1, pa.int32()),
            lists.items.take(items),
            lists.titles.take(items),
            lists.titles.take(reasons),
        ],
        names=list(COLUMNS),
    )


def as_parquet(rows: pa.Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(rows, file, compression="zstd")
    return file.getvalue()


def as_csv(rows: pa.Table) -> bytes:
    """As every spreadsheet reads it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(rows.column_names)
    for batch in rows.to_batches(max_chunksize=1 << 16):
        writer.writerows(zip(*(column.to_pylist() for column in batch.columns), strict=True))
    return text.getvalue().encode()


def askable(lists: Lists) -> tuple[Lists, list[str]]:
    """The lists of those whom the lookup takes for a customer, and the names of the others.

    Raises NoListsError where nothing would be left to serve.
    """
    users = lists.users.to_pylist()
    asked = np.array([order_line.is_customer(user) for user in users], np.bool_)
    refused = [user for user, taken in zip(users, asked, strict=True) if not taken]
    rows = np.flatnonzero(asked)
    kept = replace(
        lists, users=lists.users.take(pa.array(rows)), best=lists.best[rows], because=lists.because[rows]
    )
    if not (kept.best >= 0).any():
        raise NoListsError(
            f"nothing is served, and what is live stays: of {len(users):,} users {len(refused):,} have a "
            "name that the lookup refuses, and the others have rated all there is to recommend"
        )
    return kept, refused


def served(lists: Lists) -> tuple[pa.Table, pa.Table]:
    """The rows of lists.export: customers, and what is popular. Both of a customer's lists are the same."""
    codes = pa.array(lists.items)
    because = [str(Reason(ReasonKind.BECAUSE, code)) for code in lists.items.to_pylist()]
    reasons = pa.array([*because, str(Reason(ReasonKind.POPULAR))])
    ranked = Ranked(lists.best, np.where(lists.because < 0, len(because), lists.because).astype(np.int32))
    keys = pa.array([customer_key(user) for user in lists.users.to_pylist()])
    popular = Ranked(lists.popular[None, :], np.full((1, len(lists.popular)), len(because), np.int32))
    return (
        export.table(keys, {FOR_YOU: ranked, DISCOVER: ranked}, codes, reasons),
        export.table(pa.array([POPULAR_KEY]), {POPULAR: popular}, codes, reasons),
    )


def _lister(
    told: "Broadcast[tuple[Fitted, float]]",
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def make_lists(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        fitted, liked = told.value
        for batch in batches:
            for block in blocks(batch):
                best = fitted.best(block, STORED_ENTRIES)
                because = _because(fitted, block.where(block.ratings >= liked), best)
                row: dict[str, list[Any]] = {
                    "first": [block.first],
                    "items": [best.tobytes()],
                    "because": [because.tobytes()],
                }
                yield pa.RecordBatch.from_pydict(row, _SCHEMA)

    return make_lists


def _because(fitted: Fitted, liked: Block, best: Ints) -> Ints:
    """For each entry the item of like taste among those that the user liked; nothing where none is alike."""
    tastes = fitted.items[:, 1:]
    lengths = np.linalg.norm(tastes, axis=1, keepdims=True)
    tastes = np.divide(tastes, lengths, out=np.zeros_like(tastes), where=lengths > 0)
    because = np.full_like(best, topk.NOTHING)
    for user in range(len(liked)):
        candidates = liked.columns[liked.starts[user] : liked.starts[user + 1]]
        if len(candidates):
            alike = tastes[best[user]] @ tastes[candidates].T
            because[user] = np.where(alike.max(axis=1) > 0, candidates[alike.argmax(axis=1)], topk.NOTHING)
    return np.where(best >= 0, because, topk.NOTHING).astype(np.int32)
