"""The template's delivery stream for the local Firehose. Called by deploy on emulated targets.

CloudFormation's emulator makes the stream in a Firehose of its own, which writes an object for each record;
the resolved settings are copied from there into ours, which buffers as AWS does.
"""

from typing import Any

from infra.clients import client, emulator_client

_SETTINGS = ("RoleARN", "BucketARN", "Prefix", "ErrorOutputPrefix", "BufferingHints", "CompressionFormat")


def copy(name: str) -> None:
    described = emulator_client("firehose").describe_delivery_stream(DeliveryStreamName=name)
    resolved = described["DeliveryStreamDescription"]["Destinations"][0]["ExtendedS3DestinationDescription"]
    settings = {key: resolved[key] for key in _SETTINGS if key in resolved}
    settings["BufferingHints"] = {key: int(value) for key, value in settings["BufferingHints"].items()}
    ours = client("firehose")
    try:
        ours.create_delivery_stream(
            DeliveryStreamName=name,
            DeliveryStreamType="DirectPut",
            ExtendedS3DestinationConfiguration=settings,
        )
    except ours.exceptions.ResourceInUseException:
        _update(ours, name, settings)


def _update(ours: Any, name: str, settings: dict[str, Any]) -> None:
    standing = ours.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
    ours.update_destination(
        DeliveryStreamName=name,
        CurrentDeliveryStreamVersionId=standing["VersionId"],
        DestinationId=standing["Destinations"][0]["DestinationId"],
        ExtendedS3DestinationUpdate=settings,
    )
