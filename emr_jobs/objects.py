"""The raw objects in S3, and the lines inside one. Used by ingest, on the driver and in its tasks."""

import functools
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import boto3

from contracts import s3_layout
from contracts.order_line import MAX_LINE_BYTES

READ_BYTES = 4 << 20  # read and decompressed in pieces, so that a large object needs little memory
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 31  # zlib's word for "a gzip member with its header"
_ID_BYTES = 200  # an event id and the comma before it are shorter


@dataclass(frozen=True, slots=True)
class RawObject:
    key: str
    etag: str
    bytes: int
    arrived: datetime


@dataclass(frozen=True, slots=True)
class Block:
    """Some lines of an object that follow each other; each ends with its newline."""

    first: int  # the number of its first line; counts from 1, blank lines included
    lines: bytes
    cut_short: bool = False  # the compressed object ended in the middle of its only line


def list_arrivals(s3: Any, bucket: str, first: datetime, last: datetime) -> Iterator[RawObject]:
    """Every raw object that arrived from hour `first` to hour `last`, in the order of their keys."""
    pages = s3.get_paginator("list_objects_v2")
    for prefix in s3_layout.arrival_prefixes(first, last):
        for page in pages.paginate(Bucket=bucket, Prefix=prefix):
            yield from filter(None, map(_raw_object, page.get("Contents", ())))


def read_pieces(bucket: str, key: str) -> Iterator[bytes]:
    """An object's bytes in pieces, in a task."""
    yield from _task_s3().get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(READ_BYTES)


@functools.cache
def _task_s3() -> Any:
    """One client for all tasks of a Python worker: making one takes longer than reading a small object."""
    return boto3.client("s3")


def _raw_object(listed: dict[str, Any]) -> RawObject | None:
    if listed["Key"].endswith("/"):  # a folder some console made
        return None
    arrived = s3_layout.arrival_hour(listed["Key"]) or listed["LastModified"]
    return RawObject(listed["Key"], listed["ETag"].strip('"'), listed["Size"], arrived)


def blocks(pieces: Iterable[bytes]) -> Iterator[Block]:
    """The lines of an object, gzip or plain whatever its name says."""
    number, rest = 1, b""
    cut_short = _CutShort()
    for piece in _plain(pieces, cut_short):
        found = rest + piece
        end = found.rfind(b"\n") + 1
        if end:
            yield Block(number, found[:end])
            number += found.count(b"\n")
        rest = shortened(found[end:])
    if rest or cut_short.happened:
        yield Block(number, rest + b"\n", cut_short.happened)


class _CutShort:
    """Whether the compressed bytes ended before their time; known only once they are read."""

    happened = False


def _plain(pieces: Iterable[bytes], cut_short: _CutShort) -> Iterator[bytes]:
    iterator = iter(pieces)
    first = next(iterator, b"")
    while len(first) < len(_GZIP_MAGIC) and (more := next(iterator, b"")):
        first += more
    if not first.startswith(_GZIP_MAGIC):
        yield first
        yield from iterator
        return
    member = zlib.decompressobj(_GZIP_WINDOW)
    for piece in _chain(first, iterator):
        pending = piece
        while pending:
            if member.eof:  # several gzip members in one object
                member = zlib.decompressobj(_GZIP_WINDOW)
            try:
                yield from _inflated(member, pending)
            except zlib.error:
                cut_short.happened = True
                return
            pending = member.unused_data
    cut_short.happened = not member.eof


def _inflated(member: Any, packed: bytes) -> Iterator[bytes]:
    """In pieces: some bytes of gzip can hold a thousand times as many."""
    while piece := member.decompress(packed, READ_BYTES):
        yield piece
        if member.eof:
            return
        packed = member.unconsumed_tail  # may be empty while some of its text is still to come


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def shortened(raw: bytes) -> bytes:
    """An endless line is kept only as far as it takes to refuse it, with the event id at its end."""
    return raw if len(raw) <= MAX_LINE_BYTES + _ID_BYTES else raw[: MAX_LINE_BYTES + 1] + raw[-_ID_BYTES:]
