"""All delivery streams under one directory: made, found, changed and removed. The server asks."""

import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from firehose.delivery import protocol
from firehose.delivery.definition import Definition
from firehose.delivery.destination import DESTINATION_ID
from firehose.delivery.protocol import (
    ConcurrentModificationException,
    InvalidArgumentException,
    InvalidSourceException,
    ResourceInUseException,
    ResourceNotFoundException,
)
from firehose.delivery.spool import Spool
from firehose.delivery.stream import DEFINITION_NAME, Stream
from firehose.durable import remove_durably, sync_directory, write_durably

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
            if (path / DEFINITION_NAME).exists():
                self._open(Definition.from_bytes((path / DEFINITION_NAME).read_bytes()))
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
        definition = Definition.asked_for(request, self._clock())
        name = definition.name
        with self._lock:
            if name in self._streams:
                raise ResourceInUseException(
                    f"Firehose {name} under accountId {protocol.ACCOUNT} already exists"
                )
            directory = self._directory / name
            directory.mkdir(exist_ok=True)
            write_durably(directory / DEFINITION_NAME, definition.to_bytes())
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
            stream.define(definition.updated_as(request, self._clock()))
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
            remove_durably(stream.directory / DEFINITION_NAME)
            shutil.rmtree(stream.directory)
            del self._streams[stream.definition.name]

    def _open(self, definition: Definition) -> None:
        directory = self._directory / definition.name
        spool = Spool.open(directory / "spool", self._budget_bytes)
        stream = Stream(definition, directory, spool)
        self._streams[definition.name] = stream
        self._begin(stream, self.forget)
