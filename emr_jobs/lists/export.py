"""The full lists of a version as Parquet in S3, and what differs between two of them.

retrain writes them, publication reads them back.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from contracts.lists import CUSTOMER_LISTS, POPULAR, TOGETHER, removal
from contracts.s3_layout import Version
from emr_jobs.orders import Flags, Ints

WHY = "_why"  # the reasons' column beside a list's; contracts.lists.to_plain names them so
LIST_NAMES = (*CUSTOMER_LISTS, TOGETHER, POPULAR)
_TEXTS = pa.list_(pa.string())
# Grain: one key of the served table, sorted. A list that the key does not have is null.
SCHEMA = pa.schema(
    [("key", pa.string())] + [(column, _TEXTS) for name in LIST_NAMES for column in (name, name + WHY)]
)


class ExportMissingError(RuntimeError):
    """The version has no complete export in S3."""


class ExportUnreadableError(ExportMissingError):
    """What stands in its place is damaged."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """One list of many keys: rows of codes and of reasons, negative where a list has ended."""

    codes: Ints
    reasons: Ints


def table(keys: pa.StringArray, lists: dict[str, Ranked], names: pa.Array, reasons: pa.Array) -> pa.Table:
    """Rows of SCHEMA, sorted by key; codes are looked up in `names`, reasons in `reasons`."""
    columns = {"key": keys}
    for name, ranked in lists.items():
        shown = ranked.codes >= 0
        ends = pa.array(np.append(0, np.cumsum(shown.sum(axis=1))).astype(np.int32))
        columns[name] = pa.ListArray.from_arrays(ends, names.take(pa.array(ranked.codes[shown])))
        columns[name + WHY] = pa.ListArray.from_arrays(ends, reasons.take(pa.array(ranked.reasons[shown])))
    rows = [columns.get(field.name, pa.nulls(len(keys), field.type)) for field in SCHEMA]
    return pa.Table.from_arrays(rows, schema=SCHEMA).sort_by("key")


def write(s3: Any, bucket: str, key: str, rows: pa.Table) -> None:
    file = io.BytesIO()
    pq.write_table(rows, file, compression="zstd")
    s3.put_object(Bucket=bucket, Key=key, Body=file.getvalue())


def read(s3: Any, bucket: str, version: Version) -> pa.Table:
    """Every key that the version serves."""
    parts = [_parquet(s3, bucket, key) for key in (version.customers, version.items)]
    return pa.concat_tables(parts).combine_chunks().sort_by("key")


def read_customers(s3: Any, bucket: str, version: Version) -> pa.Table:
    """Every customer that the version serves, sorted by key."""
    return _parquet(s3, bucket, version.customers)


def empty() -> pa.Table:
    return SCHEMA.empty_table()


def difference(new: pa.Table, live: pa.Table, doubtful: set[str]) -> tuple[pa.Table, list[str]]:
    """The rows to write and the keys to remove, so that what serves `live` will serve `new`.

    `doubtful` keys may have been written since by what never went live: they are written or removed anyway.
    """
    doubted = pc.is_in(new["key"], pa.array(sorted(doubtful), pa.string())).to_numpy()
    gone = set(live["key"].to_pylist()) | doubtful
    return new.filter(pa.array(changed(new, live) | doubted)), sorted(gone - set(new["key"].to_pylist()))


def plain(rows: pa.Table, removed: list[str], version: Version) -> Iterator[dict[str, Any]]:
    """The lines of a publication's parts, in the form of contracts.lists.to_plain and removal."""
    for batch in rows.to_batches(max_chunksize=1_000):
        for row in batch.to_pylist():
            key = row.pop("key")
            lists = {name: texts for name, texts in row.items() if texts is not None}
            yield {"id": key, "version": str(version), **lists}
    yield from map(removal, removed)


def changed(new: pa.Table, live: pa.Table) -> Flags:
    """Which of the new rows are not served as they are; both are sorted by key."""
    places = pc.index_in(new["key"].combine_chunks(), live["key"].combine_chunks())
    known = places.is_valid().to_numpy(zero_copy_only=False)
    changes = ~known
    before, now = live.take(places.drop_null()), new.filter(pa.array(known))
    differs = np.zeros(int(known.sum()), np.bool_)
    for column in SCHEMA.names[1:]:
        differs |= _differs(_one(now[column]), _one(before[column]))
    changes[known] = differs
    return np.asarray(changes, np.bool_)


def _differs(a: pa.ListArray, b: pa.ListArray) -> Flags:
    """Row by row, whether two columns of lists differ."""
    lengths_a, lengths_b = (pc.fill_null(pc.list_value_length(side), -1).to_numpy() for side in (a, b))
    different = lengths_a != lengths_b
    same_length = pa.array(~different)
    a, b = a.filter(same_length), b.filter(same_length)
    lengths = np.maximum(0, lengths_a[~different])
    unequal = pc.not_equal(a.flatten(), b.flatten()).to_numpy(zero_copy_only=False)
    row = np.repeat(np.flatnonzero(~different), lengths)
    different[row[unequal]] = True
    return np.asarray(different, np.bool_)


def _one(column: pa.ChunkedArray) -> pa.ListArray:
    chunks = column.combine_chunks()
    return chunks if isinstance(chunks, pa.Array) else pa.concat_arrays(chunks.chunks)


def _parquet(s3: Any, bucket: str, key: str) -> pa.Table:
    try:
        raw = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except s3.exceptions.NoSuchKey as error:
        raise ExportMissingError(
            f"s3://{bucket}/{key} is missing: the version was never wholly exported, or it was deleted"
        ) from error
    try:
        return pq.read_table(io.BytesIO(raw)).select(SCHEMA.names).cast(SCHEMA)
    except (pa.ArrowException, KeyError, ValueError, OSError) as error:
        raise ExportUnreadableError(
            f"s3://{bucket}/{key} cannot be read: {error}. Publish another version, or retrain"
        ) from error
