"""The wire's side of Firehose: AWS's error codes and limits, and requests checked against them.

The server decodes, this module validates, streams.py acts.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Any

MAX_RECORD_BYTES = 1_024_000  # before base64
MAX_BATCH_RECORDS = 500
MAX_BATCH_BYTES = 4 * 1024 * 1024
ACCOUNT = "000000000000"
_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,64}")


class FirehoseError(Exception):
    """An answer that is no success; the class name is the error's code on the wire."""

    status = 400

    @property
    def code(self) -> str:
        return type(self).__name__


# The names are AWS's own: they go over the wire.
class InvalidArgumentException(FirehoseError): ...  # noqa: N818


class ValidationException(FirehoseError): ...  # noqa: N818


class SerializationException(FirehoseError): ...  # noqa: N818


class UnknownOperationException(FirehoseError): ...  # noqa: N818


class ResourceNotFoundException(FirehoseError): ...  # noqa: N818


class ResourceInUseException(FirehoseError): ...  # noqa: N818


class ConcurrentModificationException(FirehoseError): ...  # noqa: N818


class InvalidSourceException(FirehoseError): ...  # noqa: N818


class ServiceUnavailableException(FirehoseError):  # noqa: N818
    status = 500


class InternalFailure(FirehoseError):  # noqa: N818
    status = 500


def stream_name(request: Mapping[str, Any]) -> str:
    name = required(request, "DeliveryStreamName", str)
    if not _NAME.fullmatch(name):
        raise _constraint(
            "deliveryStreamName", name, "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
        )
    return str(name)


def one_record(request: Mapping[str, Any]) -> list[bytes]:
    return [_data(required(request, "Record", dict), "record.data")]


def many_records(request: Mapping[str, Any]) -> list[bytes]:
    entries = required(request, "Records", list)
    if not 1 <= len(entries) <= MAX_BATCH_RECORDS:
        bound = "less than or equal to 500" if entries else "greater than or equal to 1"
        raise _constraint("records", f"{len(entries)} entries", f"Member must have length {bound}")
    records = [_data(entry, f"records.{place}.member.data") for place, entry in enumerate(entries, start=1)]
    if sum(map(len, records)) > MAX_BATCH_BYTES:
        raise InvalidArgumentException("Records size exceeds 4 MB limit")
    return records


def required(request: Mapping[str, Any], member: str, kind: type) -> Any:
    value = request.get(member)
    if value is None:
        raise _constraint(_lower(member), None, "Member must not be null")
    if not isinstance(value, kind):
        raise SerializationException(f"{member} is {type(value).__name__}, not {kind.__name__}")
    return value


def integer(request: Mapping[str, Any], member: str, default: int, bounds: tuple[int, int], path: str) -> int:
    value = request.get(member, default)
    if isinstance(value, bool) or not isinstance(value, int):
        raise SerializationException(f"{member} is {type(value).__name__}, not int")
    least, most = bounds
    if not least <= value <= most:
        bound = f"less than or equal to {most}" if value > most else f"greater than or equal to {least}"
        raise _constraint(path, value, f"Member must have value {bound}")
    return value


def choice(request: Mapping[str, Any], member: str, default: str, choices: Sequence[str], path: str) -> str:
    value = request.get(member, default)
    if value not in choices:
        raise _constraint(path, value, f"Member must satisfy enum value set: [{', '.join(choices)}]")
    return str(value)


def text(
    request: Mapping[str, Any], member: str, pattern: re.Pattern[str], path: str, default: str | None = ""
) -> str:
    """`default=None` makes the member a required one."""
    value = required(request, member, str) if default is None else request.get(member, default)
    if not isinstance(value, str):
        raise SerializationException(f"{member} is {type(value).__name__}, not str")
    if not pattern.fullmatch(value):
        raise _constraint(path, value, f"Member must satisfy regular expression pattern: {pattern.pattern}")
    return value


def _data(entry: object, path: str) -> bytes:
    encoded = entry.get("Data") if isinstance(entry, dict) else None
    if encoded is None:
        raise _constraint(path, None, "Member must not be null")
    try:
        data = binascii.a2b_base64(encoded)
    except (binascii.Error, TypeError, ValueError) as error:
        raise SerializationException(f"{path} is not base64: {error}") from error
    if len(data) > MAX_RECORD_BYTES:
        raise _constraint(
            path, f"{len(data)} bytes", f"Member must have length less than or equal to {MAX_RECORD_BYTES}"
        )
    return data


def encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _constraint(path: str, value: object, rule: str) -> ValidationException:
    shown = "null" if value is None else f"'{value}'"
    return ValidationException(
        f"1 validation error detected: Value {shown} at '{path}' failed to satisfy constraint: {rule}"
    )


def _lower(member: str) -> str:
    return member[0].lower() + member[1:]
