"""A stream's Lambda: each record goes in, and comes out Ok, Dropped or ProcessingFailed.

The carrier calls it once for a sealed segment and keeps the answer on disk: every attempt at S3 makes the
same objects, whatever the function would say the next time.
"""

import base64
import binascii
import json
import struct
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from firehose.delivery.segment import Frame

INVOCATION_BYTES = 1024 * 1024  # AWS's default for the buffer of a Lambda processor
ATTEMPTS = 4  # AWS: the first one and NumberOfRetries, 3 by default
_DELIVERED_BYTES = struct.Struct(">Q")

Invoke = Callable[
    [bytes], tuple[bytes, str]
]  # the event -> the answer, and what kind of error it is, or empty


@dataclass(frozen=True, slots=True)
class Function:
    arn: str
    stream_arn: str
    invoke: Invoke


@dataclass(frozen=True, slots=True)
class Arrived:
    arrival: float
    data: bytes


@dataclass(frozen=True, slots=True)
class Transformed:
    """What goes under the prefix, and what goes under the error prefix: one JSON object a line."""

    delivered: bytes
    failed: bytes

    def to_bytes(self) -> bytes:
        return _DELIVERED_BYTES.pack(len(self.delivered)) + self.delivered + self.failed

    @classmethod
    def from_bytes(cls, raw: bytes) -> "Transformed":
        (length,) = _DELIVERED_BYTES.unpack_from(raw)
        rest = raw[_DELIVERED_BYTES.size :]
        return cls(rest[:length], rest[length:])


def transform(
    frames: Iterable[Frame], function: Function, delimiter: bytes, clock: Callable[[], float]
) -> Transformed:
    delivered: list[bytes] = []
    failed: list[bytes] = []
    for batch in _batches(frames):
        answers, attempts = _answers(batch, function)
        for number, record in enumerate(batch):
            data, error = _outcome(answers, str(number))
            if error:
                failed.append(_error_line(record, function.arn, error, attempts, clock()))
            elif data is not None:
                delivered.append(data + delimiter)
    return Transformed(b"".join(delivered), b"".join(failed))


def invoker(client: Any, arn: str) -> Invoke:
    """boto3's Lambda client; what it raises is the carrier's to try again."""

    def invoke(event: bytes) -> tuple[bytes, str]:
        answer = client.invoke(FunctionName=arn, Payload=event)
        return answer["Payload"].read(), answer.get("FunctionError", "")

    return invoke


def _batches(frames: Iterable[Frame]) -> Iterator[list[Arrived]]:
    batch: list[Arrived] = []
    size = 0
    for frame in frames:
        for record in frame.records():
            if batch and size + len(record) > INVOCATION_BYTES:
                yield batch
                batch, size = [], 0
            batch.append(Arrived(frame.arrival, record))
            size += len(record)
    if batch:
        yield batch


def _answers(batch: list[Arrived], function: Function) -> tuple[dict[str, Any] | str, int]:
    """By record id; or the error of the last attempt. And the attempts it took."""
    event = {
        "invocationId": str(uuid.uuid4()),
        "deliveryStreamArn": function.stream_arn,
        "region": function.stream_arn.split(":")[3],
        "records": [
            {
                "recordId": str(number),
                "approximateArrivalTimestamp": int(record.arrival * 1000),
                "data": base64.b64encode(record.data).decode(),
            }
            for number, record in enumerate(batch)
        ],
    }
    body, error = json.dumps(event).encode(), ""
    for attempt in range(1, ATTEMPTS + 1):
        answer, broken = function.invoke(body)
        if broken:
            error = f"Lambda.FunctionError: {answer[:1000].decode(errors='replace')}"
            continue
        try:
            return {entry["recordId"]: entry for entry in json.loads(answer)["records"]}, attempt
        except (ValueError, TypeError, KeyError) as wrong:
            error = f"Lambda.JsonProcessingException: the answer holds no records ({wrong!r})"
    return error, ATTEMPTS


def _outcome(answers: dict[str, Any] | str, record_id: str) -> tuple[bytes | None, str]:
    """The data to deliver, or nothing where it was dropped; and the error, or empty."""
    if isinstance(answers, str):
        return None, answers
    entry = answers.get(record_id, {"result": None})
    match entry.get("result"):
        case "Ok":
            return _decoded(entry.get("data"))
        case "Dropped":
            error = ""
        case "ProcessingFailed":
            error = "Lambda.ProcessingFailedStatus: the function could not process the record"
        case None:
            error = "Lambda.MissingRecordId: the answer does not hold this record"
        case other:
            error = f"Lambda.JsonProcessingException: {other!r} is no result"
    return None, error


def _decoded(data: Any) -> tuple[bytes | None, str]:
    try:
        return binascii.a2b_base64(data), ""
    except (TypeError, ValueError) as wrong:
        return None, f"Lambda.JsonProcessingException: the record's data is no base64 ({wrong})"


def _error_line(record: Arrived, arn: str, error: str, attempts: int, now: float) -> bytes:
    code, _, message = error.partition(": ")
    plain = {
        "attemptsMade": attempts,
        "arrivalTimestamp": int(record.arrival * 1000),
        "errorCode": code,
        "errorMessage": message,
        "attemptEndingTimestamp": int(now * 1000),
        "rawData": base64.b64encode(record.data).decode(),
        "lambdaArn": arn,
    }
    return json.dumps(plain).encode() + b"\n"
