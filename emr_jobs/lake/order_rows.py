"""Lines to rows: what each landed line says, or why it is refused. Pure; ingest maps it over the objects."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from contracts.erasure import NOBODY, Suppression, tokens
from contracts.order_line import (
    FIELDS,
    MAX_LINE_BYTES,
    ErasedLineError,
    Fate,
    OrderLine,
    Reason,
    RefusedLineError,
    fate_of,
    parse_line,
    refuse_future,
    salvage_event_id,
)
from emr_jobs.lake import plain_lines
from emr_jobs.lake.objects import Block, RawObject, shortened

BATCH_LINES = 20_000  # a batch of rows in flight is some 10 MB
CONTENT_SOURCE = "content"  # lines without an id are known by content and occurrence in their object
SUPPRESSED = "suppressed"  # the reason of an erased row whose raw line stands in its object still

# Grain: one landed line. Either the order's fields are set, or reason, detail and raw; event_id wherever the
# line shows one. Of an erased line nothing else is set.
LANDED = pa.schema(
    [
        *((name, plain_lines.TYPES.get(name, pa.string())) for name in FIELDS),
        ("fate", pa.string()),
        ("object", pa.string()),
        ("line", pa.int32()),
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("raw", pa.binary()),
        ("arrived", pa.timestamp("us", "UTC")),
    ]
)


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the lines of one object have in common; `seen` counts those that came without an id."""

    found: RawObject
    zone: tzinfo
    suppression: Suppression
    seen: Counter[str]


def landed_rows(
    found: RawObject, blocks: Iterable[Block], shop_zone: tzinfo, suppression: Suppression = NOBODY
) -> Iterator[pa.RecordBatch]:
    """One row for each line but blank ones, in the object's order.

    An order younger than its object is refused; the same object gives the same rows whenever it is read. The
    lines of suppressed customers are erased, for the reason SUPPRESSED.
    """
    reading = _Reading(found, shop_zone, suppression, Counter())
    for block in blocks:
        if block.cut_short:
            yield _from_rows([_cut_short(reading, block)])
            continue
        lines = _lines(block.lines)
        for start in range(0, len(lines), BATCH_LINES):
            yield _rows(reading, block.first + start, lines.slice(start, BATCH_LINES))


def _lines(block: bytes) -> pa.BinaryArray:
    ends = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n")) + 1
    offsets = np.concatenate(([0], ends)).astype(np.int32)
    return pa.BinaryArray.from_buffers(
        pa.binary(), len(ends), [None, pa.py_buffer(offsets), pa.py_buffer(block)]
    )


def _rows(reading: _Reading, first: int, lines: pa.BinaryArray) -> pa.RecordBatch:
    plain, orders = plain_lines.read(lines, reading.found.modified)
    numbers = np.flatnonzero(plain) + first
    gone = _suppressed(orders, reading.suppression)
    if gone.any():
        ids = orders["event_id"].filter(pa.array(gone)).to_pylist()
        rows = [_suppressed_row(reading, *line) for line in zip(numbers[gone].tolist(), ids, strict=True)]
        orders, numbers = orders.filter(pa.array(~gone)), numbers[~gone]
    else:
        rows = []
    fast = _complete(reading, orders, numbers)
    others = np.flatnonzero(~plain)
    raws = zip((others + first).tolist(), lines.take(pa.array(others)).to_pylist(), strict=True)
    rows += [_row(reading, number, raw[:-1]) for number, raw in raws if raw.strip()]
    if not rows:
        return fast
    both = pa.concat_batches([fast, _from_rows(rows)])
    return both.take(pa.array(np.argsort(both["line"], kind="stable")))


def _suppressed(orders: pa.Table, suppression: Suppression) -> NDArray[np.bool_]:
    """Which orders are a suppressed customer's; each customer is looked up once."""
    if not suppression:
        return np.zeros(orders.num_rows, bool)
    customers = orders["customer"].combine_chunks().dictionary_encode()
    covered = np.array([suppression.covers(name) for name in customers.dictionary.to_pylist()], bool)
    return covered[np.asarray(customers.indices)] if len(covered) else np.zeros(orders.num_rows, bool)


def _complete(reading: _Reading, orders: pa.Table, numbers: NDArray[np.int64]) -> pa.RecordBatch:
    """The plainly good lines as LANDED has them."""
    common = {"object": reading.found.key, "arrived": reading.found.arrived}
    columns = {name: orders[name].combine_chunks() for name in orders.column_names} | {"line": numbers}
    for field in LANDED:
        if field.name not in columns:
            value = pa.scalar(common.get(field.name), field.type)
            columns[field.name] = pa.repeat(value, len(numbers))
    return pa.RecordBatch.from_arrays(
        [pa.array(columns[field.name], field.type) for field in LANDED], schema=LANDED
    )


def _from_rows(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(rows, schema=LANDED)


def _row(reading: _Reading, number: int, raw: bytes) -> dict[str, Any]:
    place = _place(reading, number)
    try:
        order = parse_line(raw, shop_zone=reading.zone)
        if reading.suppression.covers(order.customer):
            return _suppressed_row(reading, number, order.event_id)
        refuse_future(order, reading.found.modified)
    except ErasedLineError as error:
        return place | _erased(error.event_id)
    except RefusedLineError as error:
        if reading.suppression and any(map(reading.suppression.covers, tokens(raw))):
            return _suppressed_row(reading, number, salvage_event_id(raw))
        return place | _refusal(raw, error)
    return place | _order(order, raw, reading.seen)


def _suppressed_row(reading: _Reading, number: int, event_id: str) -> dict[str, Any]:
    return _place(reading, number) | _erased(event_id) | {"reason": SUPPRESSED}


def _erased(event_id: str) -> dict[str, Any]:
    return {"event_id": event_id, "fate": Fate.ERASED.value}


def _cut_short(reading: _Reading, block: Block) -> dict[str, Any]:
    if reading.suppression and any(map(reading.suppression.covers, tokens(block.lines))):
        return _suppressed_row(reading, block.first, "")
    detail = "the compressed object ends in the middle of this line"
    refusal = _refusal(block.lines[:-1], RefusedLineError(Reason.CUT_SHORT, detail))
    # What looks like an id at the cut may be the beginning of a longer one, of a line that is yet to come.
    return _place(reading, block.first) | refusal | {"event_id": ""}


def _place(reading: _Reading, number: int) -> dict[str, Any]:
    return {"object": reading.found.key, "line": number, "arrived": reading.found.arrived}


def _order(order: OrderLine, raw: bytes, seen: Counter[str]) -> dict[str, Any]:
    values = {name: getattr(order, name) for name in FIELDS}
    if not order.event_id:
        values["event_id"] = content_id(raw, seen)
    return values | {"fate": fate_of(order).value}


def content_id(raw: bytes, seen: Counter[str]) -> str:
    """The id of a line that has none: equal lines of one object differ by their occurrence."""
    digest = hashlib.sha256(raw.rstrip(b"\r")).hexdigest()[:32]
    seen[digest] += 1
    return f"{CONTENT_SOURCE}:{digest}:{seen[digest]}"


def _refusal(raw: bytes, error: RefusedLineError) -> dict[str, Any]:
    return {
        "event_id": salvage_event_id(raw),
        "fate": Fate.REJECTED.value,
        "reason": error.reason.value,
        "detail": str(error),
        "raw": shortened(raw) if len(raw) > MAX_LINE_BYTES else raw,
    }
