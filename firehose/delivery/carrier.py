"""One thread for each stream: seals the buffer when it is due and puts it into S3, again until S3 has it."""

import random
import threading
import time
from collections.abc import Callable
from typing import Any

from firehose.delivery.segment import Segment
from firehose.delivery.stream import Stream
from firehose.delivery.transform import Function, Transformed, invoker, transform
from firehose.delivery.waybill import Waybill
from firehose.durable import write_durably

FIRST_RETRY_SECONDS = 0.5
LAST_RETRY_SECONDS = 20.0


class Carrier:
    def __init__(
        self,
        stream: Stream,
        s3: Callable[[], Any],
        forget: Callable[[Stream], None],
        clock: Callable[[], float] = time.time,
        functions: Callable[[], Any] | None = None,  # boto3's Lambda client
    ) -> None:
        self._stream, self._s3, self._forget, self._clock = stream, s3, forget, clock
        self._functions = functions
        self._failures = 0

    def start(self) -> None:
        name = f"carrier-{self._stream.definition.name}"
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def _run(self) -> None:
        stream = self._stream
        while not stream.stopping.is_set():
            segment = self._next()
            if segment is not None:
                self._try(segment)
            elif stream.drained():
                self._forget(stream)
                return

    def _next(self) -> Segment | None:
        """The oldest sealed segment, after sealing what is due; else None, after waiting for a change."""
        spool = self._stream.spool
        with spool.changed:
            wait = self._seconds_to_seal()
            if wait is not None and wait <= 0:
                self._stream.seal()
            elif not spool.sealed and not self._stream.stopping.is_set() and not self._stream.drained():
                spool.changed.wait(wait)
            return spool.sealed[0] if spool.sealed else None

    def _seconds_to_seal(self) -> float | None:
        active, definition = self._stream.spool.active, self._stream.definition
        if active is None or self._failures:  # S3 is away: one large object later, not many small ones
            return None
        if definition.deleting:
            return 0.0
        return active.oldest + definition.destination.buffer_seconds - self._clock()

    def _try(self, segment: Segment) -> None:
        stream = self._stream
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

    def _deliver(self, segment: Segment) -> None:
        waybill = Waybill.from_bytes(segment.waybill())
        if waybill.lambda_arn:
            self._put_transformed(segment, waybill)
        else:
            self._put(waybill.bucket, waybill.key, waybill.body(segment.frames()))
        self._stream.delivered(segment)

    def _put_transformed(self, segment: Segment, waybill: Waybill) -> None:
        transformed = self._transformed(segment, waybill)
        if transformed.delivered:
            self._put(waybill.bucket, waybill.key, waybill.packed((transformed.delivered,)))
        if transformed.failed:
            self._put(waybill.bucket, waybill.error_key, transformed.failed)

    def _transformed(self, segment: Segment, waybill: Waybill) -> Transformed:
        """Once, and from then on from the disk."""
        path = segment.transformed_path
        if path.exists():
            return Transformed.from_bytes(path.read_bytes())
        if self._functions is None:
            raise RuntimeError(f"no Lambda is reachable from here for {waybill.lambda_arn}")
        invoke = invoker(self._functions(), waybill.lambda_arn)
        function = Function(waybill.lambda_arn, self._stream.definition.arn, invoke)
        made = transform(segment.frames(), function, waybill.delimiter.encode(), self._clock)
        write_durably(path, made.to_bytes())
        return made

    def _put(self, bucket: str, key: str, body: bytes) -> None:
        self._s3().put_object(Bucket=bucket, Key=key, Body=body)
        self._stream.delivered_objects += 1

    def _redirect(self, segment: Segment, error: Exception) -> None:
        """A missing bucket holds no copy: once the stream is updated, the segment goes elsewhere."""
        code = getattr(error, "response", {}).get("Error", {}).get("Code")
        version = self._stream.definition.version
        if code == "NoSuchBucket" and Waybill.from_bytes(segment.waybill()).version != version:
            segment.seal(self._stream.waybill(segment))

    def _pause(self) -> float:
        longest = min(LAST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** min(self._failures - 1, 10))
        return random.uniform(longest / 2, longest)
