"""Lines to rows: what each landed line says, or why it is refused. Pure; ingest maps it over the objects."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, tzinfo
from itertools import islice
from typing import Any

import pyarrow as pa

from contracts.order_line import (
    FIELDS,
    MAX_LINE_BYTES,
    PRICE_DIGITS,
    Fate,
    OrderLine,
    Reason,
    RefusedLineError,
    fate_of,
    parse_line,
    refuse_future,
    salvage_event_id,
)
from emr_jobs.objects import Line, RawObject, shortened

BATCH_LINES = 20_000  # a batch of rows in flight is some 10 MB
CONTENT_SOURCE = "content"  # lines without an id are known by content and occurrence in their object

_ARROW = {
    "quantity": pa.int32(),
    "time": pa.timestamp("us", "UTC"),
    "unit_price": pa.decimal128(*PRICE_DIGITS),
}

# Grain: one landed line. Either the order's fields are set, or reason, detail and raw; event_id wherever the
# line shows one.
LANDED = pa.schema(
    [
        *((name, _ARROW.get(name, pa.string())) for name in FIELDS),
        ("fate", pa.string()),
        ("object", pa.string()),
        ("line", pa.int32()),
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("raw", pa.binary()),
        ("arrived", pa.timestamp("us", "UTC")),
    ]
)


def landed_rows(
    found: RawObject, lines: Iterable[Line], shop_zone: tzinfo, now: datetime
) -> Iterator[pa.RecordBatch]:
    """One row for each line, in the object's order; an order younger than `now` is refused."""
    seen: Counter[str] = Counter()
    iterator = iter(lines)
    while batch := list(islice(iterator, BATCH_LINES)):
        rows = [_row(found, line, shop_zone, seen, now) for line in batch]
        yield pa.RecordBatch.from_pylist(rows, schema=LANDED)


def _row(found: RawObject, line: Line, zone: tzinfo, seen: Counter[str], now: datetime) -> dict[str, Any]:
    place = {"object": found.key, "line": line.number, "arrived": found.arrived}
    try:
        return place | _order(_read(line, zone, now), line, seen)
    except RefusedLineError as error:
        return place | _refusal(line, error)


def _read(line: Line, zone: tzinfo, now: datetime) -> OrderLine:
    if line.cut_short:
        raise RefusedLineError(Reason.CUT_SHORT, "the compressed object ends in the middle of this line")
    order = parse_line(line.raw, shop_zone=zone)
    refuse_future(order, now)  # a key tells only when the object's oldest line came: the clock is the bound
    return order


def _order(order: OrderLine, line: Line, seen: Counter[str]) -> dict[str, Any]:
    values = {name: getattr(order, name) for name in FIELDS}
    if not order.event_id:
        values["event_id"] = content_id(line.raw, seen)
    return values | {"fate": fate_of(order).value}


def content_id(raw: bytes, seen: Counter[str]) -> str:
    """The id of a line that has none: equal lines of one object differ by their occurrence."""
    digest = hashlib.sha256(raw.rstrip(b"\r")).hexdigest()[:32]
    seen[digest] += 1
    return f"{CONTENT_SOURCE}:{digest}:{seen[digest]}"


def _refusal(line: Line, error: RefusedLineError) -> dict[str, Any]:
    return {
        "event_id": salvage_event_id(line.raw),
        "fate": Fate.REJECTED.value,
        "reason": error.reason.value,
        "detail": str(error),
        "raw": shortened(line.raw) if len(line.raw) > MAX_LINE_BYTES else line.raw,
    }
