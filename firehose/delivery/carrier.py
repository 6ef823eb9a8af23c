"""One thread for each stream: seals the buffer when it is due and puts it into S3, again until S3 has it."""

import contextlib
import json
import random
import threading
import time
import uuid
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from firehose.delivery.spool import Segment
from firehose.delivery.streams import Stream

GZIP_LEVEL = 1  # a laptop's CPU is scarcer than its disk; level 6 costs three times the time for a fifth less
_GZIP_WINDOW = 31  # zlib's number for a gzip header, which it writes without a time: the same bytes each time
FIRST_RETRY_SECONDS = 0.5
LAST_RETRY_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Order:
    """Where and how a sealed segment is delivered; on disk before the first attempt."""

    bucket: str
    key: str
    compression: str
    delimiter: str
    version: int  # of the stream's definition

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_bytes(cls, raw: bytes) -> "Order":
        return cls(**json.loads(raw))

    @classmethod
    def of(cls, stream: Stream, oldest: float) -> "Order":
        definition = stream.definition
        destination = definition.destination
        arrival = datetime.fromtimestamp(oldest, UTC)
        key = destination.key(definition.name, definition.version, arrival, str(uuid.uuid4()))
        return cls(
            destination.bucket, key, destination.compression, destination.delimiter, definition.version
        )


def body(segment: Segment, order: Order) -> bytes:
    """The object's bytes: the same for the same segment and order, so that a repeated put changes nothing."""
    delimiter = order.delimiter.encode()
    gzip = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW) if order.compression == "GZIP" else None
    pieces = []
    for frame in segment.frames():
        piece = b"".join(record + delimiter for record in frame.records()) if delimiter else frame.payload
        pieces.append(gzip.compress(piece) if gzip else piece)
    if gzip:
        pieces.append(gzip.flush())
    return b"".join(pieces)


class Carrier:
    """Delivers one stream."""

    def __init__(
        self,
        stream: Stream,
        s3: Callable[[], Any],
        forget: Callable[[Stream], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._stream, self._s3, self._forget, self._clock = stream, s3, forget, clock
        self._failures = 0

    def start(self) -> None:
        threading.Thread(
            target=self._run, name=f"carrier-{self._stream.definition.name}", daemon=True
        ).start()

    def _run(self) -> None:
        stream = self._stream
        while not stream.stopping.is_set():
            segment = self._next()
            if segment is None:
                if stream.definition.deleting and not stream.spool.segments():
                    self._forget(stream)
                    return
                continue
            try:
                self._deliver(segment)
            except Exception as error:  # noqa: BLE001 (whatever S3 or the network does, the records stay and are tried again)
                self._failures += 1
                stream.last_error = f"{type(error).__name__}: {error}"
                self._redirect(segment, error)
                stream.stopping.wait(self._pause())
            else:
                self._failures = 0
                stream.last_error = ""

    def _next(self) -> Segment | None:
        """The oldest sealed segment, sealing what is due; waits for the next thing to happen."""
        spool = self._stream.spool
        with spool.changed:
            wait = self._seconds_to_seal()
            if wait is not None and wait <= 0 and spool.active:
                spool.seal(Order.of(self._stream, spool.active.oldest).to_bytes())
            elif not spool.sealed and not self._stream.stopping.is_set():
                if not (self._stream.definition.deleting and spool.active is None):
                    spool.changed.wait(wait)
            return spool.sealed[0] if spool.sealed else None

    def _seconds_to_seal(self) -> float | None:
        active, definition = self._stream.spool.active, self._stream.definition
        if active is None:
            return None
        if definition.deleting or active.payload_bytes >= definition.destination.buffer_bytes:
            return 0.0
        if self._failures:  # S3 is away: the buffer grows rather than to become many small objects
            return None if not self._stream.spool.sealed else 1.0
        return active.oldest + definition.destination.buffer_seconds - self._clock()

    def _deliver(self, segment: Segment) -> None:
        order = Order.from_bytes(segment.order())
        self._s3().put_object(Bucket=order.bucket, Key=order.key, Body=body(segment, order))
        self._stream.delivered_objects += 1
        self._stream.delivered_records += segment.records
        self._stream.spool.remove(segment)

    def _redirect(self, segment: Segment, error: Exception) -> None:
        """A bucket that does not exist holds no copy: after an update the segment may go elsewhere."""
        code = getattr(error, "response", {}).get("Error", {}).get("Code")
        with contextlib.suppress(OSError):
            order = Order.from_bytes(segment.order())
            if code == "NoSuchBucket" and order.version != self._stream.definition.version:
                segment.seal(Order.of(self._stream, segment.oldest).to_bytes())

    def _pause(self) -> float:
        longest = min(LAST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** min(self._failures - 1, 10))
        return random.uniform(longest / 2, longest)
