"""The file of what was rated: item, title, genres. Small enough for the driver, whatever the ratings are."""

import csv
import gzip
import lzma
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from emr_jobs.explicit.dialect import ITEM_NAMES, Dialect, FileRefusedError, decoded, detect

NO_GENRES = "(no genres listed)"  # MovieLens's word for none
ROWS = pa.schema([("item", pa.string()), ("title", pa.string()), ("genres", pa.list_(pa.string()))])
_FIELD = "\x1f"


@dataclass(frozen=True, slots=True)
class Items:
    """`rows` of ROWS, an item once; `said` counts what of the file is otherwise than it should be."""

    rows: pa.Table
    said: Counter[str]

    @property
    def titles(self) -> dict[str, str]:
        return dict(zip(self.rows["item"].to_pylist(), self.rows["title"].to_pylist(), strict=True))


def found(s3: Any, bucket: str, key: str) -> Items:
    place = f"s3://{bucket}/{key}"
    try:
        raw = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except s3.exceptions.ClientError as error:
        raise FileRefusedError(f"{place} cannot be read: {error}") from error
    return parse(_plain(raw), place)


def parse(raw: bytes, place: str) -> Items:
    """An item without a title is called by its name; of doubles the first counts."""
    text = decoded(raw)
    dialect = detect(text, ITEM_NAMES, ("item",), place)
    lines = [line for line in text.splitlines() if line.strip()]
    said: Counter[str] = Counter()
    rows: dict[str, dict[str, Any]] = {}
    for fields in _fields(lines[dialect.header :], dialect):
        item = _field(fields, dialect, "item")
        if not item:
            said["lines without an item"] += 1
        elif item in rows:
            said["lines of an item that is there already"] += 1
        else:
            title = _field(fields, dialect, "title")
            said["items without a title"] += not title
            genres = _field(fields, dialect, "genres").split("|")
            rows[item] = {
                "item": item,
                "title": title or item,
                "genres": [genre for genre in genres if genre not in ("", NO_GENRES)],
            }
    if not rows:
        raise FileRefusedError(f"{place} names no item: give movieId,title,genres, or leave --items out")
    return Items(pa.Table.from_pylist(list(rows.values()), ROWS), +said)


def _fields(lines: list[str], dialect: Dialect) -> Any:
    if dialect.separator == "::":  # no csv module parts by two letters
        return csv.reader(
            (line.replace("::", _FIELD) for line in lines), delimiter=_FIELD, quoting=csv.QUOTE_NONE
        )
    return csv.reader(lines, delimiter=dialect.separator)


def _field(fields: list[str], dialect: Dialect, column: str) -> str:
    place = dialect.columns.get(column, len(fields))
    return fields[place].strip() if place < len(fields) else ""


def _plain(raw: bytes) -> bytes:
    if raw.startswith(b"\x1f\x8b"):
        return gzip.decompress(raw)
    return lzma.decompress(raw) if raw.startswith(b"\xfd7zXZ\x00") else raw
