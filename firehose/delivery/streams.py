"""The delivery streams: definitions on disk, each with its spool. The server asks, the carriers deliver."""

import json
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from firehose.delivery import protocol
from firehose.delivery.destination import DESTINATION_ID, Destination
from firehose.delivery.protocol import (
    ConcurrentModificationException,
    InvalidArgumentException,
    InvalidSourceException,
    ResourceInUseException,
    ResourceNotFoundException,
)
from firehose.delivery.spool import Segment, Spool
from firehose.delivery.waybill import Waybill
from firehose.durable import remove_durably, sync_directory, write_durably

_DEFINITION = "stream.json"
_DIRECT, _KINESIS = "DirectPut", "KinesisStreamAsSource"
_DESTINATIONS = ("ExtendedS3DestinationConfiguration", "S3DestinationConfiguration")
_UPDATES = ("ExtendedS3DestinationUpdate", "S3DestinationUpdate")


@dataclass(frozen=True, slots=True)
class Definition:
    """What survives a restart."""

    name: str
    destination: Destination
    created: float
    updated: float
    version: int = 1
    kinesis_arn: str = ""  # the source stream; empty for DirectPut
    kinesis_role: str = ""
    deleting: bool = False

    @property
    def kind(self) -> str:
        return _KINESIS if self.kinesis_arn else _DIRECT

    @property
    def arn(self) -> str:
        return f"arn:aws:firehose:us-east-1:{protocol.ACCOUNT}:deliverystream/{self.name}"

    def describe(self) -> dict[str, Any]:
        described = self.destination.describe()
        plain_members = ("RoleARN", "BucketARN", "Prefix", "ErrorOutputPrefix", "BufferingHints")
        plain = {
            name: described[name] for name in (*plain_members, "CompressionFormat", "EncryptionConfiguration")
        }
        source = {
            "KinesisStreamARN": self.kinesis_arn,
            "RoleARN": self.kinesis_role,
            "DeliveryStartTimestamp": self.created,
        }
        return {
            "DeliveryStreamName": self.name,
            "DeliveryStreamARN": self.arn,
            "DeliveryStreamStatus": "DELETING" if self.deleting else "ACTIVE",
            "DeliveryStreamType": self.kind,
            "VersionId": str(self.version),
            "CreateTimestamp": self.created,
            "LastUpdateTimestamp": self.updated,
            **({"Source": {"KinesisStreamSourceDescription": source}} if self.kinesis_arn else {}),
            "Destinations": [
                {
                    "DestinationId": DESTINATION_ID,
                    "S3DestinationDescription": plain,
                    "ExtendedS3DestinationDescription": described,
                }
            ],
            "HasMoreDestinations": False,
        }

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self), indent=1).encode()

    @classmethod
    def from_bytes(cls, raw: bytes) -> "Definition":
        plain = json.loads(raw)
        return cls(**{**plain, "destination": Destination(**plain["destination"])})


@dataclass
class Stream:
    """A stream at work: its definition, its spool, and what was delivered since the start."""

    definition: Definition
    directory: Path
    spool: Spool
    delivered_objects: int = 0
    delivered_records: int = 0
    last_error: str = ""
    source_error: str = ""
    stopping: threading.Event = field(default_factory=threading.Event)

    def define(self, definition: Definition) -> None:
        write_durably(self.directory / _DEFINITION, definition.to_bytes())
        self.definition = definition

    def append(self, records: list[bytes], arrival: float) -> None:
        """Durable on return; the buffer is sealed when it is full."""
        self.spool.append(records, arrival, self._seal_if_full)

    def _seal_if_full(self, active: Segment) -> None:
        if active.payload_bytes >= self.definition.destination.buffer_bytes:
            self.seal()

    def seal(self) -> None:
        """The buffer becomes an object with a key. Call with `spool.changed` held."""
        if self.spool.active:
            self.spool.seal(self.waybill(self.spool.active))

    def waybill(self, segment: Segment) -> bytes:
        definition = self.definition
        return Waybill.write(
            definition.name, definition.version, definition.destination, segment.oldest
        ).to_bytes()

    def drained(self) -> bool:
        """Nothing more will come and nothing is left."""
        return self.definition.deleting and not self.spool.segments()

    def stop(self) -> None:
        self.stopping.set()
        self.wake()

    def wake(self) -> None:
        with self.spool.changed:
            self.spool.changed.notify_all()

    def health(self, now: float) -> dict[str, Any]:
        segments = self.spool.segments()
        oldest = min((segment.oldest for segment in segments), default=now)
        return {
            "pending_records": sum(segment.records for segment in segments),
            "pending_bytes": sum(segment.payload_bytes for segment in segments),
            "oldest_pending_seconds": round(max(0.0, now - oldest), 3),
            "delivered_objects": self.delivered_objects,
            "delivered_records": self.delivered_records,
            "last_error": self.last_error or self.source_error or "; ".join(self.spool.damaged),
        }


Begin = Callable[[Stream, Callable[[Stream], None]], None]


class Streams:
    """Every stream under one directory. `begin` is called once for each, to start its carrier."""

    def __init__(
        self,
        directory: Path,
        budget_bytes: int,
        clock: Callable[[], float],
        begin: Begin,
    ) -> None:
        self._directory, self._budget_bytes, self._clock, self._begin = directory, budget_bytes, clock, begin
        self._lock = threading.Lock()
        self._streams: dict[str, Stream] = {}
        directory.mkdir(parents=True, exist_ok=True)
        for path in sorted(directory.iterdir()):
            if (path / _DEFINITION).exists():
                self._open(Definition.from_bytes((path / _DEFINITION).read_bytes()))
            else:
                shutil.rmtree(path)  # killed while it was made or removed: nothing in it is acknowledged

    def all(self) -> list[Stream]:
        with self._lock:
            return list(self._streams.values())

    def get(self, name: str) -> Stream:
        with self._lock:
            stream = self._streams.get(name)
        if stream is None:
            raise ResourceNotFoundException(f"Firehose {name} under account {protocol.ACCOUNT} not found.")
        return stream

    def create(self, request: Mapping[str, Any]) -> dict[str, Any]:
        name = protocol.stream_name(request)
        arn, role = _source(request)
        destination = Destination.parse(_one_of(request, _DESTINATIONS))
        now = self._clock()
        definition = Definition(name, destination, now, now, kinesis_arn=arn, kinesis_role=role)
        with self._lock:
            if name in self._streams:
                raise ResourceInUseException(
                    f"Firehose {name} under accountId {protocol.ACCOUNT} already exists"
                )
            directory = self._directory / name
            directory.mkdir(exist_ok=True)
            write_durably(directory / _DEFINITION, definition.to_bytes())
            sync_directory(self._directory)
            self._open(definition)
        return {"DeliveryStreamARN": definition.arn}

    def describe(self, request: Mapping[str, Any]) -> dict[str, Any]:
        definition = self.get(protocol.stream_name(request)).definition
        return {"DeliveryStreamDescription": definition.describe()}

    def names(self, request: Mapping[str, Any]) -> dict[str, Any]:
        limit = protocol.integer(request, "Limit", 10, (1, 10_000), "limit")
        after = request.get("ExclusiveStartDeliveryStreamName", "")
        kind = request.get("DeliveryStreamType")
        names = sorted(
            stream.definition.name
            for stream in self.all()
            if stream.definition.name > after and kind in (None, stream.definition.kind)
        )
        return {"DeliveryStreamNames": names[:limit], "HasMoreDeliveryStreams": len(names) > limit}

    def update(self, request: Mapping[str, Any]) -> dict[str, Any]:
        stream = self.get(protocol.stream_name(request))
        version = protocol.required(request, "CurrentDeliveryStreamVersionId", str)
        if protocol.required(request, "DestinationId", str) != DESTINATION_ID:
            raise InvalidArgumentException(f"Destination {request['DestinationId']} is not {DESTINATION_ID}")
        with self._lock:
            definition = stream.definition
            if version != str(definition.version):
                raise ConcurrentModificationException(
                    f"Version {version} is not the current version {definition.version} of {definition.name}"
                )
            if definition.deleting:
                raise ResourceInUseException(f"Firehose {definition.name} is not in the ACTIVE state.")
            destination = Destination.parse(_one_of(request, _UPDATES), definition.destination)
            stream.define(
                replace(
                    definition,
                    destination=destination,
                    version=definition.version + 1,
                    updated=self._clock(),
                )
            )
        stream.wake()
        return {}

    def delete(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """What is in the spool is delivered first; until then the stream is DELETING."""
        stream = self.get(protocol.stream_name(request))
        with self._lock:
            stream.define(replace(stream.definition, deleting=True))
        stream.wake()
        return {}

    def put(self, name: str, records: list[bytes]) -> None:
        """Durable on return."""
        stream = self.get(name)
        if stream.definition.kinesis_arn:
            raise InvalidSourceException(f"{name} reads a Kinesis stream: put the records there")
        if stream.definition.deleting:
            raise ResourceNotFoundException(f"Firehose {name} under account {protocol.ACCOUNT} not found.")
        stream.append(records, self._clock())

    def forget(self, stream: Stream) -> None:
        """The carrier of a DELETING stream has delivered all there was."""
        with self._lock:
            stream.spool.close()
            remove_durably(stream.directory / _DEFINITION)
            shutil.rmtree(stream.directory)
            del self._streams[stream.definition.name]

    def _open(self, definition: Definition) -> None:
        directory = self._directory / definition.name
        spool = Spool.open(directory / "spool", self._budget_bytes)
        stream = Stream(definition, directory, spool)
        self._streams[definition.name] = stream
        self._begin(stream, self.forget)


def _one_of(request: Mapping[str, Any], members: tuple[str, ...]) -> Mapping[str, Any]:
    for member in members:
        if member in request:
            found: Mapping[str, Any] = protocol.required(request, member, dict)
            return found
    raise InvalidArgumentException(f"This local endpoint delivers to S3 only: give {members[0]}")


def _source(request: Mapping[str, Any]) -> tuple[str, str]:
    kind = protocol.choice(
        request,
        "DeliveryStreamType",
        _DIRECT,
        (_DIRECT, _KINESIS, "MSKAsSource", "DatabaseAsSource"),
        "deliveryStreamType",
    )
    if kind == _DIRECT:
        return "", ""
    if kind != _KINESIS:
        raise InvalidArgumentException(f"{kind} is not a source here: DirectPut and {_KINESIS} are")
    asked = protocol.required(request, "KinesisStreamSourceConfiguration", dict)
    return (
        str(protocol.required(asked, "KinesisStreamARN", str)),
        str(protocol.required(asked, "RoleARN", str)),
    )
