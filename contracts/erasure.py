"""Whose order lines are erased: the mark in place of a line, and the list of customers who stay erased.

`cadabra erase` writes the list; ingest and publish obey it. It holds keyed hashes, never an id. The key lives
in the bucket of the artifacts: whoever may read the orders' bucket alone cannot try ids against the list, and
of all that is emulated only S3 outlives a kill.
"""

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from contracts.order_line import (
    ERASED,
    FIELDS,
    ErasedLineError,
    RefusedLineError,
    is_customer,
    parse_line,
    salvage_event_id,
)
from contracts.s3_layout import ERASURE_KEY, ERASURE_KEY_PLACE, SUPPRESSED, request_key

KEY_BYTES = 32
_UNREADABLE = {"NoSuchKey", "NoSuchBucket", "AccessDenied"}  # the last also for one who may not list
_REMEMBERED = 200_000  # customers who are not on the list, some 30 MB
_TOKEN = re.compile(rb"[A-Za-z0-9._@:+-]+")  # what an id is made of, so that it ends where one ends
_EDGES = b"._@:+-"  # may end an id, and also a sentence

Covers = Callable[[str], bool]


class SuppressionKeyMissingError(RuntimeError):
    """The list of erased customers cannot be read: without its key nobody knows whom it names."""


def mark(event_id: str) -> bytes:
    """What stands in place of an erased line, with its newline: nothing of it but the event id."""
    return f"{ERASED}{',' * (len(FIELDS) - 1)}{event_id}\n".encode()


def mark_of(raw: bytes) -> bytes:
    """The mark in place of this line; it keeps the id by which the source's sequence stays whole."""
    try:
        return mark(parse_line(raw).event_id)
    except (RefusedLineError, ErasedLineError):
        return mark(salvage_event_id(raw))


def names(raw: bytes, covers: Covers) -> bool:
    """Whether a line is a covered customer's; one that is refused, if any of its tokens is the id."""
    try:
        return covers(parse_line(raw).customer)
    except ErasedLineError:
        return False
    except RefusedLineError:
        return any(map(covers, tokens(raw)))


def tokens(raw: bytes) -> Iterator[str]:
    """What in a refused line may be a customer's id."""
    for found in _TOKEN.finditer(raw):
        for token in {found[0], found[0].strip(_EDGES)}:
            yield token.decode()


@dataclass(frozen=True, slots=True)
class Suppression:
    """The customers who stay erased."""

    key: bytes = b""
    hashes: frozenset[str] = frozenset()
    _others: set[str] = field(default_factory=set, compare=False, repr=False)

    def __bool__(self) -> bool:
        return bool(self.hashes)

    def covers(self, customer: str) -> bool:
        if not self.hashes or customer in self._others or not is_customer(customer):
            return False
        if keyed_hash(self.key, customer) in self.hashes:
            return True
        if len(self._others) == _REMEMBERED:
            self._others.clear()
        self._others.add(customer)
        return False


NOBODY = Suppression()


@dataclass(frozen=True, slots=True)
class Request:
    """An erasure that is asked for. It names the customer: it is deleted when all else is."""

    customer: str
    hash: str
    asked: str  # when
    found: dict[str, int] = field(default_factory=dict)  # by place: the most that was ever found there

    @property
    def key(self) -> str:
        return request_key(self.hash)

    @property
    def spoken(self) -> str:
        """How reports and receipts call the customer."""
        return self.hash[:12]


def keyed_hash(key: bytes, customer: str) -> str:
    return hmac.new(key, customer.encode(), hashlib.sha256).hexdigest()


def suppress(s3: Any, bucket: str, artifacts: str, customer: str, now: datetime) -> Request:
    """From here on the customer's lines and lists are refused; asked for again, it changes nothing."""
    if not is_customer(customer):
        raise ValueError(f"{customer!r} is no customer id: no order line can hold it")
    digest = keyed_hash(_make_key(s3, bucket, artifacts), customer)
    asked = now.astimezone(UTC).isoformat(timespec="seconds")
    if digest not in _hashes(s3, bucket):
        body = json.dumps({"since": asked}).encode()
        s3.put_object(Bucket=bucket, Key=SUPPRESSED + digest, Body=body)
    return Request(customer, digest, asked)


def suppression(s3: Any, bucket: str) -> Suppression:
    """The list as it is now: one listing, and nothing else where nobody is on it."""
    hashes = frozenset(_hashes(s3, bucket))
    return Suppression(read_key(s3, bucket), hashes) if hashes else NOBODY


def read_key(s3: Any, bucket: str) -> bytes:
    try:
        place = json.loads(s3.get_object(Bucket=bucket, Key=ERASURE_KEY_PLACE)["Body"].read())
        text = s3.get_object(Bucket=place["bucket"], Key=place["key"])["Body"].read()
    except s3.exceptions.ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in _UNREADABLE:
            raise
        raise SuppressionKeyMissingError(
            f"the key of the list of erased customers is missing or may not be read ({code}): "
            f"s3://{bucket}/{ERASURE_KEY_PLACE} says where it was. "
            "Restore both; with another key, every erased customer's late lines would come back"
        ) from error
    return bytes.fromhex(text.decode())


def _make_key(s3: Any, bucket: str, artifacts: str) -> bytes:
    """Made once; of two who make one at the same time, the first one's stays."""
    if any(_hashes(s3, bucket)):
        return read_key(s3, bucket)
    try:
        fresh = secrets.token_hex(KEY_BYTES).encode()
        s3.put_object(Bucket=artifacts, Key=ERASURE_KEY, Body=fresh, IfNoneMatch="*")
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != "PreconditionFailed":
            raise
    place = json.dumps({"bucket": artifacts, "key": ERASURE_KEY}).encode()
    s3.put_object(Bucket=bucket, Key=ERASURE_KEY_PLACE, Body=place)
    return read_key(s3, bucket)


def _hashes(s3: Any, bucket: str) -> Iterator[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=SUPPRESSED)
    for page in pages:
        yield from (found["Key"][len(SUPPRESSED) :] for found in page.get("Contents", ()))
