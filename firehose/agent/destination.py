"""Where records go: a delivery stream or a Kinesis stream. Both say which records they did not take."""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from firehose.agent.config import DETERMINISTIC, FIREHOSE, Flow


class Destination(Protocol):
    def send(self, records: Sequence[bytes]) -> list[int]:
        """The places of the records that were not taken. Raises what boto3 raises when no answer says so."""


@dataclass(frozen=True, slots=True)
class DeliveryStream:
    client: Any
    name: str

    def send(self, records: Sequence[bytes]) -> list[int]:
        answer = self.client.put_record_batch(
            DeliveryStreamName=self.name, Records=[{"Data": record} for record in records]
        )
        if not answer["FailedPutCount"]:
            return []
        return [place for place, entry in enumerate(answer["RequestResponses"]) if entry.get("ErrorCode")]


@dataclass(frozen=True, slots=True)
class KinesisStream:
    client: Any
    name: str
    partition_keys: str

    def send(self, records: Sequence[bytes]) -> list[int]:
        entries = [{"Data": record, "PartitionKey": self._key(record)} for record in records]
        answer = self.client.put_records(StreamName=self.name, Records=entries)
        if not answer["FailedRecordCount"]:
            return []
        return [place for place, entry in enumerate(answer["Records"]) if entry.get("ErrorCode")]

    def _key(self, record: bytes) -> str:
        """A record sent again goes to the same shard where the keys are DETERMINISTIC."""
        if self.partition_keys == DETERMINISTIC:
            return hashlib.sha256(record).hexdigest()[:32]
        return uuid.uuid4().hex


def destination(flow: Flow, client: Any) -> Destination:
    if flow.kind == FIREHOSE:
        return DeliveryStream(client, flow.stream)
    return KinesisStream(client, flow.stream, flow.partition_keys)
