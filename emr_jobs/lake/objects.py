"""A raw object of S3, and the lines inside it. Used by ingest, in its tasks."""

import functools
import zlib
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import boto3
from botocore.config import Config

from contracts.order_line import MAX_LINE_BYTES

READ_BYTES = 4 << 20  # read and decompressed in pieces, so that a large object needs little memory
SLICE_BYTES = 4 << 10  # inflated at once: they hold 4 MiB at the most, however they were made
ATTEMPTS = 10  # of each request of S3, with a growing wait between them
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 31  # zlib's word for "a gzip member with its header"
_ID_BYTES = 200  # an event id and the comma before it are shorter


@dataclass(frozen=True, slots=True)
class RawObject:
    key: str
    etag: str
    bytes: int
    arrived: datetime  # the hour of the oldest of its lines, as its key tells
    modified: datetime  # when S3 had it whole: no line of it can have arrived later


@dataclass(frozen=True, slots=True)
class Block:
    """Some lines of an object that follow each other; each ends with its newline."""

    first: int  # the number of its first line; counts from 1, blank lines included
    lines: bytes
    cut_short: bool = False  # the compressed object ended in the middle of its only line


def read_pieces(bucket: str, key: str) -> Iterator[bytes]:
    """An object's bytes in pieces, in a task."""
    yield from task_s3().get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(READ_BYTES)


@functools.cache
def task_s3() -> Any:
    """One client for all tasks of a Python worker: making one takes longer than reading a small object."""
    return patient_s3()


def patient_s3() -> Any:
    """Of the many requests of a run S3 may refuse some several times: the usual four retries are too few."""
    return boto3.client("s3", config=Config(retries={"mode": "standard", "total_max_attempts": ATTEMPTS}))


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
    yield from _gathered(_members(_chain(first, iterator), cut_short))


def _members(pieces: Iterable[bytes], cut_short: _CutShort) -> Iterator[bytes]:
    """What the gzip members hold, up to where they are damaged or end before their time."""
    member = zlib.decompressobj(_GZIP_WINDOW)
    for piece in pieces:
        pending = piece
        while pending:
            if member.eof:  # several gzip members in one object
                member = zlib.decompressobj(_GZIP_WINDOW)
            try:
                pending = yield from _inflated(member, pending)
            except zlib.error:
                cut_short.happened = True
                return
    cut_short.happened = not member.eof


def _inflated(member: Any, packed: bytes) -> Generator[bytes, None, bytes]:
    """What these bytes hold, a little at a time; the answer is what follows the member's end."""
    for start in range(0, len(packed), SLICE_BYTES):
        given = packed[start : start + SLICE_BYTES]
        before = member.copy()
        try:
            yield member.decompress(given)
        except zlib.error:
            yield _up_to_the_damage(before, given)
            raise
        if member.eof:
            return bytes(member.unused_data) + packed[start + SLICE_BYTES :]
    return b""


def _up_to_the_damage(member: Any, given: bytes) -> bytes:
    """A call that fails gives nothing of what it had inflated before: here it is, byte by byte."""
    inflated = bytearray()
    with suppress(zlib.error):
        for place in range(len(given)):
            inflated += member.decompress(given[place : place + 1])
    return bytes(inflated)


def _gathered(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Fewer and larger pieces: lines are read many at a time."""
    held = bytearray()
    for piece in pieces:
        held += piece
        if len(held) >= READ_BYTES:
            yield bytes(held)
            held.clear()
    yield bytes(held)


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def shortened(raw: bytes) -> bytes:
    """An endless line is kept only as far as it takes to refuse it, with the event id at its end."""
    return raw if len(raw) <= MAX_LINE_BYTES + _ID_BYTES else raw[: MAX_LINE_BYTES + 1] + raw[-_ID_BYTES:]
