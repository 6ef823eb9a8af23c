"""History straight into S3: a real order file as gz objects under the hours its orders were made in.

An object's key follows from the file alone and an object that is there stays as it is, so that repeating
a backfill, also a killed one, doubles nothing. Its event ids are those of a replay of the same file.
"""

import gzip
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from contracts.s3_layout import arrival_prefix
from log_generator.log_lines import LogLines
from log_generator.order_file import OrderFile
from log_generator.tally import Tally
from log_generator.traffic import HOUR_S

MAX_HELD_BYTES = 64 * 1024 * 1024  # of lines whose hour may still go on
_UPLOADS_AT_ONCE = 8
_PRECONDITION_FAILED = 412


@dataclass(frozen=True, slots=True)
class HourOfOrders:
    hour: int  # epoch seconds of its beginning
    first: int  # number of its first line
    data: bytes

    def key(self, source: str) -> str:
        prefix = arrival_prefix(datetime.fromtimestamp(self.hour, UTC))
        return f"{prefix}backfill-{source}-{self.first:09d}.gz"


@dataclass(slots=True)
class Backfilled:
    tally: Tally
    put: int = 0
    already_there: int = 0

    def sentence(self) -> str:
        return f"{self.tally.sentence()}; {self.put:,} objects put, {self.already_there:,} already there"


def backfill(
    orders: OrderFile,
    weeks: int,
    s3: Any,
    bucket: str,
    advance: Callable[[int], None] = lambda _: None,
) -> Backfilled:
    done = Backfilled(Tally(orders.source(weeks)))
    with ThreadPoolExecutor(_UPLOADS_AT_ONCE) as pool:
        waiting: list[Future[bool]] = []
        for hour in hours(_counted(orders.log_lines(weeks), done.tally, advance)):
            if len(waiting) == 2 * _UPLOADS_AT_ONCE:
                _settle(waiting.pop(0), done)
            waiting.append(pool.submit(_put, s3, bucket, hour.key(done.tally.source), hour.data))
        for upload in waiting:
            _settle(upload, done)
    return done


def hours(batches: Iterator[LogLines], max_held_bytes: int = MAX_HELD_BYTES) -> Iterator[HourOfOrders]:
    """The lines by the hour of their order. A line without a time goes with the one before it."""
    held: dict[int, tuple[int, bytearray]] = {}
    size = 0
    for lines in batches:
        for hour, first, data in _runs(lines):
            held.setdefault(hour, (first, bytearray()))[1].extend(data)
            size += len(data)
        while size > max_held_bytes:
            oldest = next(iter(held))
            first, content = held.pop(oldest)
            size -= len(content)
            yield HourOfOrders(oldest, first, bytes(content))
    for hour, (first, content) in held.items():
        yield HourOfOrders(hour, first, bytes(content))


def _runs(lines: LogLines) -> Iterator[tuple[int, int, memoryview]]:
    """Hour, first line and bytes of each run of lines within one hour."""
    data, ends = lines.data(), lines.ends()
    hour = lines.times - lines.times % HOUR_S
    starts = np.concatenate(([0], np.flatnonzero(np.diff(hour)) + 1))
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(lines)], strict=True):
        begin = ends[start - 1] if start else 0
        yield int(hour[start]), int(lines.sequences[start]), data[begin : ends[end - 1]]


def _counted(batches: Iterator[LogLines], tally: Tally, advance: Callable[[int], None]) -> Iterator[LogLines]:
    for lines in batches:
        tally.add(lines)
        yield lines
        advance(len(lines))


def _put(s3: Any, bucket: str, key: str, data: bytes) -> bool:
    """Whether the object was not there yet."""
    body = gzip.compress(data, mtime=0)
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*")
    except s3.exceptions.ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != _PRECONDITION_FAILED:
            raise
        return False
    return True


def _settle(upload: Future[bool], done: Backfilled) -> None:
    if upload.result():
        done.put += 1
    else:
        done.already_there += 1
