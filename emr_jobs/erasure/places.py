"""The files in S3 that name customers, but for the raw orders and the tables: each with its form.

`without` gives a file's content without the customer, and how often it was there.
"""

import base64
import binascii
import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from contracts.erasure import mark_of, names
from contracts.lists import customer_key
from contracts.s3_layout import FIREHOSE_ERRORS, LISTS, MODELS, PUBLICATIONS
from emr_jobs import arrays

ROWS_OF_CUSTOMERS = ("customers", "of_customers", "digests")  # in a model's files: a row for each customer
_GZIP_MAGIC = b"\x1f\x8b"
_AT_ONCE = 8  # files asked of S3


class UnreadableFileError(RuntimeError):
    """A file that may name customers cannot be read, so nobody can say that it does not."""


@dataclass(frozen=True, slots=True)
class Place:
    name: str  # in the receipt
    prefix: str
    suffix: str
    without: Callable[[bytes, str], tuple[bytes, int]]


def lists(content: bytes, customer: str) -> tuple[bytes, int]:
    """A version's full lists: Parquet, a row for each key."""
    keys = parquet.read_table(io.BytesIO(content), columns=["key"])["key"]
    own = pc.equal(keys, customer_key(customer))
    if not (count := pc.sum(own).as_py() or 0):
        return content, 0
    rows = parquet.read_table(io.BytesIO(content)).filter(pc.invert(own))
    file = io.BytesIO()
    parquet.write_table(rows, file, compression="zstd")
    return file.getvalue(), count


def models(content: bytes, customer: str) -> tuple[bytes, int]:
    """A model's names and factors: NumPy arrays, some of which have a row for each customer."""
    held = arrays.read(content)
    known = held.get("customers", np.empty(0, np.str_))
    others = known != customer
    if others.all():
        return content, 0
    kept: dict[str, Any] = {
        name: rows[others] if name in ROWS_OF_CUSTOMERS else rows for name, rows in held.items()
    }
    file = io.BytesIO()
    np.savez_compressed(file, **kept) if _is_packed(content) else np.savez(file, **kept)
    return file.getvalue(), int((~others).sum())


def publications(content: bytes, customer: str) -> tuple[bytes, int]:
    """A publication's part: an item a line."""
    lines = gzip.decompress(content).splitlines(keepends=True)
    key = customer_key(customer)
    kept = [line for line in lines if json.loads(line)["id"] != key]
    if len(kept) == len(lines):
        return content, 0
    return gzip.compress(b"".join(kept), mtime=0), len(lines) - len(kept)


def firehose_errors(content: bytes, customer: str) -> tuple[bytes, int]:
    """What Firehose could not deliver: a JSON object a line, the order lines in it as base64."""
    packed = content.startswith(_GZIP_MAGIC)
    lines = (gzip.decompress(content) if packed else content).splitlines(keepends=True)
    cleaned = [_without_record(line, customer) for line in lines]
    if not (count := sum(found for _, found in cleaned)):
        return content, 0
    body = b"".join(line for line, _ in cleaned)
    return gzip.compress(body, mtime=0) if packed else body, count


PLACES = (
    Place("lists", LISTS, ".parquet", lists),
    Place("models", MODELS, ".npz", models),
    Place("publications", PUBLICATIONS, ".jsonl.gz", publications),
    Place("firehose_errors", FIREHOSE_ERRORS, "", firehose_errors),
)


def erase(s3: Any, bucket: str, place: Place, customer: str, *, only_look: bool = False) -> int:
    """How often the place named the customer; afterwards it does not, unless we only look."""

    def one(key: str) -> int:
        content = _content(s3, bucket, key)
        cleaned, count = _without(place, bucket, key, content, customer)
        if count and not only_look:
            s3.put_object(Bucket=bucket, Key=key, Body=cleaned)
        return count

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return sum(pool.map(one, _keys(s3, bucket, place)))


def _content(s3: Any, bucket: str, key: str) -> bytes:
    """Empty where retention was quicker."""
    try:
        return bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except s3.exceptions.NoSuchKey:
        return b""


def _without(place: Place, bucket: str, key: str, content: bytes, customer: str) -> tuple[bytes, int]:
    try:
        return place.without(content, customer) if content else (content, 0)
    except (ValueError, TypeError, LookupError, OSError, EOFError, zlib.error, pa.ArrowException) as error:
        raise UnreadableFileError(
            f"s3://{bucket}/{key} cannot be read ({error}): mend or delete it, then erase again"
        ) from error


def _keys(s3: Any, bucket: str, place: Place) -> Iterator[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=place.prefix)
    for page in pages:
        yield from (found["Key"] for found in page.get("Contents", ()) if found["Key"].endswith(place.suffix))


def _is_packed(content: bytes) -> bool:
    with zipfile.ZipFile(io.BytesIO(content)) as found:
        return any(entry.compress_type == zipfile.ZIP_DEFLATED for entry in found.infolist())


def _without_record(line: bytes, customer: str) -> tuple[bytes, int]:
    """A line of an error object; one that is no such record is read as an order line would be."""
    try:
        record = json.loads(line)
        raws = base64.b64decode(record["rawData"], validate=True).split(b"\n")
    except (ValueError, KeyError, TypeError, binascii.Error):
        return (mark_of(line), 1) if names(line, customer.__eq__) else (line, 0)
    own = [names(raw, customer.__eq__) for raw in raws]
    if not any(own):
        return line, 0
    kept = b"\n".join(
        mark_of(raw).rstrip(b"\n") if gone else raw for raw, gone in zip(raws, own, strict=True)
    )
    record["rawData"] = base64.b64encode(kept).decode()
    return json.dumps(record).encode() + b"\n", sum(own)
