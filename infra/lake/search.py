"""Is a customer anywhere still? Every object of the bucket is read, whatever its form, and the served table.

An id may be a number that stands for something else elsewhere, so each form is searched where it names
customers: a field of a line, a value of a table's column, a bound in Iceberg's manifests, a text in JSON.
"""

import base64
import binascii
import io
import json
import re
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

from contracts.erasure import names, tokens
from contracts.lists import customer_key
from contracts.s3_layout import ERASURE_REQUESTS, FIREHOSE_ERRORS, ORDERS
from infra import console
from infra.clients import client
from infra.stack import Stack

_AT_ONCE = 8
_GZIP_MAGIC = b"\x1f\x8b"
_BOUND_BYTES = 16  # Iceberg keeps so much of a text in a manifest
_AVRO = b"Obj\x01"
_SYNC_BYTES = 16
_PARQUET = b"PAR1"
_NUMPY = b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class Searched:
    objects: int
    found: tuple[str, ...]  # where
    unreadable: tuple[str, ...]


def everywhere(stack: Stack, customer: str) -> Searched:
    keys = list(_keys(stack.bucket))
    with console.counting("searching", len(keys)) as progress, ThreadPoolExecutor(_AT_ONCE) as pool:

        def one(key: str) -> bool | None:
            answer = _holds(stack.bucket, key, customer)
            progress.advance(progress.task_ids[0])
            return answer

        answers = dict(zip(keys, pool.map(one, keys), strict=True))
    found = [f"s3://{stack.bucket}/{key}" for key, answer in answers.items() if answer]
    item = {"id": {"S": customer_key(customer)}}
    if "Item" in client("dynamodb").get_item(TableName=stack.table, Key=item, ConsistentRead=True):
        found.append(f"table {stack.table}")
    unreadable = tuple(key for key, answer in answers.items() if answer is None)
    return Searched(len(keys), tuple(found), unreadable)


def _keys(bucket: str) -> Iterator[str]:
    for page in client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket):
        yield from (found["Key"] for found in page.get("Contents", ()))


def _holds(bucket: str, key: str, customer: str) -> bool | None:
    """None where the object cannot be read."""
    s3 = client("s3")
    try:
        content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return holds(key, content, customer)
    except s3.exceptions.NoSuchKey:
        return False
    except (ValueError, OSError, EOFError, zlib.error, zipfile.BadZipFile, pa.ArrowException):
        return None


def holds(key: str, content: bytes, customer: str) -> bool:
    """Whether an object names the customer, read as what it is."""
    if content.startswith(_GZIP_MAGIC):
        content = _unpacked(content)
    for magic, search in _FORMS.items():
        if content.startswith(magic):
            return search(content, customer)
    if customer.encode() not in content and not key.startswith(FIREHOSE_ERRORS):
        return False
    if key.startswith(ORDERS):
        return any(names(line, customer.__eq__) for line in content.split(b"\n"))
    if key.startswith(ERASURE_REQUESTS):
        return True
    return any(_in_line(line, customer) for line in _texts(content))


def _unpacked(content: bytes) -> bytes:
    """What the gzip members hold, as far as they can be read."""
    found, rest = b"", content
    while rest:
        member = zlib.decompressobj(31)
        try:
            for start in range(0, len(rest), 1 << 12):
                found += member.decompress(rest[start : start + (1 << 12)])
                if member.eof:
                    break
            rest = member.unused_data + rest[start + (1 << 12) :]
        except zlib.error:
            return found
    return found


def _texts(content: bytes) -> list[bytes]:
    """One JSON document, or lines."""
    try:
        json.loads(content)
    except ValueError:
        return content.split(b"\n")
    return [content]


def _in_line(line: bytes, customer: str) -> bool:
    try:
        return any(_in_text(text, customer) for text in _strings(json.loads(line)))
    except ValueError:
        return _in_text(line.decode("latin-1"), customer)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


def _in_text(text: str, customer: str) -> bool:
    """As a whole, as a served key, in base64, or as a word where the id is more than a number."""
    if customer in {text, text.strip('"')} or customer_key(customer) in re.split(r"[^\w#._@:+-]", text):
        return True
    if not customer.isdecimal() and customer in set(tokens(text.encode())):
        return True
    try:
        packed = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return any(names(line, customer.__eq__) for line in packed.split(b"\n"))


def _in_parquet(content: bytes, customer: str) -> bool:
    table = parquet.read_table(io.BytesIO(content))
    return any(_in_column(column, customer) for column in table.columns)


def _in_column(column: Any, customer: str) -> bool:
    kind = column.type
    if pa.types.is_list(kind):
        return _in_column(pc.list_flatten(column), customer)
    if pa.types.is_struct(kind):
        fields = (pc.struct_field(column, [place]) for place in range(kind.num_fields))
        return any(_in_column(field, customer) for field in fields)
    if pa.types.is_string(kind):
        return bool(pc.any(pc.is_in(column, pa.array([customer, customer_key(customer)]))).as_py())
    if pa.types.is_binary(kind):
        hits = column.filter(pc.match_substring(column, customer.encode()))
        return any(names(raw, customer.__eq__) for raw in hits.to_pylist())
    return False


def _in_numpy(content: bytes, customer: str) -> bool:
    with np.load(io.BytesIO(content), allow_pickle=False) as held:
        return any(
            held[name].dtype.kind == "U" and bool((held[name] == customer).any()) for name in held.files
        )


def _in_avro(content: bytes, customer: str) -> bool:
    """As a value of its own: its length, then its bytes; a long one is cut where it is a bound."""
    forms = {customer.encode(), customer.encode()[:_BOUND_BYTES]}
    wanted = [_varint(len(form)) + form for form in forms]
    return any(form in block for block in _avro_blocks(content) for form in wanted)


def _avro_blocks(content: bytes) -> Iterator[bytes]:
    """An Avro file's header, and its blocks without their compression."""
    marker = content[-_SYNC_BYTES:]
    end = content.index(marker) + _SYNC_BYTES
    header, place = content[:end], end
    yield header
    while place < len(content):
        _, place = _number(content, place)
        size, place = _number(content, place)
        block = content[place : place + size]
        yield zlib.decompress(block, -15) if b"deflate" in header else block
        place += size + _SYNC_BYTES


def _number(content: bytes, place: int) -> tuple[int, int]:
    """One of Avro's zigzag numbers, and where the next thing begins."""
    value, shift = 0, 0
    while True:
        byte = content[place]
        value, shift, place = value | (byte & 0x7F) << shift, shift + 7, place + 1
        if not byte & 0x80:
            return (value >> 1) ^ -(value & 1), place


def _varint(length: int) -> bytes:
    value, made = length << 1, bytearray()
    while value > 0x7F:  # noqa: PLR2004 (seven bits a byte)
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*made, value])


_FORMS: dict[bytes, Callable[[bytes, str], bool]] = {
    _PARQUET: _in_parquet,
    _NUMPY: _in_numpy,
    _AVRO: _in_avro,
}
