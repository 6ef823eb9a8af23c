"""What a delivery stream is: read from requests, described as AWS describes it, kept over restarts."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from firehose.delivery import protocol
from firehose.delivery.destination import DESTINATION_ID, Destination
from firehose.delivery.protocol import InvalidArgumentException

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

    @classmethod
    def asked_for(cls, request: Mapping[str, Any], now: float) -> "Definition":
        """Of a CreateDeliveryStream."""
        name = protocol.stream_name(request)
        arn, role = _source(request)
        destination = Destination.parse(_one_of(request, _DESTINATIONS))
        return cls(name, destination, now, now, kinesis_arn=arn, kinesis_role=role)

    def updated_as(self, request: Mapping[str, Any], now: float) -> "Definition":
        """By an UpdateDestination: what it names changes, and the version rises."""
        destination = Destination.parse(_one_of(request, _UPDATES), self.destination)
        return replace(self, destination=destination, version=self.version + 1, updated=now)


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
