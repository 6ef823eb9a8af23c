"""An S3 destination: what was asked for, checked as AWS checks it, and described as AWS describes it."""

import re
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Any

from firehose.delivery import prefixes, protocol
from firehose.delivery.protocol import InvalidArgumentException

MIB = 1024 * 1024
COMPRESSION_EXTENSIONS = {"UNCOMPRESSED": "", "GZIP": ".gz"}
DESTINATION_ID = "destinationId-000000000001"
DELIMITER_PROCESSOR = "AppendDelimiterToRecord"
_PATH = "extendedS3DestinationConfiguration."
_COMPRESSIONS = ("UNCOMPRESSED", "GZIP", "ZIP", "Snappy", "HADOOP_SNAPPY")
_BUCKET_ARN = re.compile(r"arn:.*:s3:::([\w.\-]{1,255})")
_ROLE_ARN = re.compile(r"arn:.*:iam::\d{12}:role/[a-zA-Z_0-9+=,.@\-_/]+")
_PREFIX = re.compile(r".{0,1024}", re.DOTALL)
_EXTENSION = re.compile(r"^$|\.[0-9a-z!\-_.*'()]{1,127}")
_ZONE = re.compile(r"^$|[a-zA-Z/_]{1,50}")
_ESCAPES = {"\\n": "\n", "\\r": "\r", "\\t": "\t"}
# Members that do nothing here and change nothing in what is delivered.
_HARMLESS = {"CloudWatchLoggingOptions"}
_KNOWN = {
    *("RoleARN", "BucketARN", "Prefix", "ErrorOutputPrefix", "BufferingHints", "CompressionFormat"),
    *("FileExtension", "CustomTimeZone", "ProcessingConfiguration"),
}


@dataclass(frozen=True, slots=True)
class Destination:
    role_arn: str
    bucket_arn: str
    prefix: str = ""
    error_prefix: str = ""
    buffer_mib: int = 5
    buffer_seconds: int = 300
    compression: str = "UNCOMPRESSED"
    file_extension: str = ""
    time_zone: str = ""
    delimiter: str = ""

    @property
    def bucket(self) -> str:
        match = _BUCKET_ARN.fullmatch(self.bucket_arn)
        return match.group(1) if match else ""

    @property
    def buffer_bytes(self) -> int:
        return self.buffer_mib * MIB

    @property
    def zone(self) -> tzinfo:
        return zoneinfo.ZoneInfo(self.time_zone or "UTC")

    def key(self, stream: str, version: int, arrival: datetime, identity: str) -> str:
        """The key of an object whose oldest record arrived at `arrival`."""
        local = arrival.astimezone(self.zone)
        extension = self.file_extension or COMPRESSION_EXTENSIONS[self.compression]
        prefix = prefixes.evaluate(self.prefix, local)
        return f"{prefix}{stream}-{version}-{local:%Y-%m-%d-%H-%M-%S}-{identity}{extension}"

    @classmethod
    def parse(cls, asked: Mapping[str, Any], before: "Destination | None" = None) -> "Destination":
        """A configuration, or an update of the one `before`. Raises what AWS would answer."""
        _refuse_what_is_not_done_here(asked)
        default = before or cls(role_arn="", bucket_arn="")
        hints = asked.get("BufferingHints") or {}
        destination = replace(
            default,
            role_arn=protocol.text(
                asked, "RoleARN", _ROLE_ARN, _PATH + "roleARN", before.role_arn if before else None
            ),
            bucket_arn=protocol.text(
                asked, "BucketARN", _BUCKET_ARN, _PATH + "bucketARN", before.bucket_arn if before else None
            ),
            prefix=protocol.text(asked, "Prefix", _PREFIX, _PATH + "prefix", default.prefix),
            error_prefix=protocol.text(
                asked, "ErrorOutputPrefix", _PREFIX, _PATH + "errorOutputPrefix", default.error_prefix
            ),
            buffer_mib=protocol.integer(
                hints, "SizeInMBs", default.buffer_mib, (1, 128), _PATH + "bufferingHints.sizeInMBs"
            ),
            buffer_seconds=protocol.integer(
                hints,
                "IntervalInSeconds",
                default.buffer_seconds,
                (0, 900),
                _PATH + "bufferingHints.intervalInSeconds",
            ),
            compression=_compression(asked, default.compression),
            file_extension=protocol.text(
                asked, "FileExtension", _EXTENSION, _PATH + "fileExtension", default.file_extension
            ),
            time_zone=_time_zone(asked, default.time_zone),
            delimiter=_delimiter(asked, default.delimiter),
        )
        try:
            prefixes.check(destination.prefix, destination.error_prefix)
        except prefixes.PrefixError as error:
            raise InvalidArgumentException(str(error)) from error
        return destination

    def describe(self) -> dict[str, Any]:
        return {
            "RoleARN": self.role_arn,
            "BucketARN": self.bucket_arn,
            "Prefix": self.prefix,
            "ErrorOutputPrefix": self.error_prefix,
            "BufferingHints": {
                "SizeInMBs": self.buffer_mib,
                "IntervalInSeconds": self.buffer_seconds,
            },
            "CompressionFormat": self.compression,
            "EncryptionConfiguration": {"NoEncryptionConfig": "NoEncryption"},
            "CloudWatchLoggingOptions": {"Enabled": False},
            "ProcessingConfiguration": _processing(self.delimiter),
            "S3BackupMode": "Disabled",
            "FileExtension": self.file_extension,
            "CustomTimeZone": self.time_zone or "UTC",
        }


def _compression(asked: Mapping[str, Any], default: str) -> str:
    path = _PATH + "compressionFormat"
    compression = protocol.choice(asked, "CompressionFormat", default, _COMPRESSIONS, path)
    if compression not in COMPRESSION_EXTENSIONS:
        raise InvalidArgumentException(f"CompressionFormat {compression} is not written here: use GZIP")
    return compression


def _time_zone(asked: Mapping[str, Any], default: str) -> str:
    name = protocol.text(asked, "CustomTimeZone", _ZONE, _PATH + "customTimeZone", default)
    try:
        zoneinfo.ZoneInfo(name or "UTC")
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidArgumentException(f"CustomTimeZone {name} is no time zone") from error
    return name


def _delimiter(asked: Mapping[str, Any], default: str) -> str:
    processing = asked.get("ProcessingConfiguration")
    if processing is None:
        return default
    if not processing.get("Enabled"):
        return ""
    delimiter = ""
    for processor in processing.get("Processors") or []:
        if processor.get("Type") != DELIMITER_PROCESSOR:
            raise InvalidArgumentException(
                f"Processor {processor.get('Type')} is not run here: only {DELIMITER_PROCESSOR} is"
            )
        parameters = {
            entry.get("ParameterName"): entry.get("ParameterValue", "")
            for entry in processor.get("Parameters") or []
        }
        delimiter = str(parameters.get("Delimiter", "\\n"))
    for written, meant in _ESCAPES.items():
        delimiter = delimiter.replace(written, meant)
    return delimiter


def _processing(delimiter: str) -> dict[str, Any]:
    if not delimiter:
        return {"Enabled": False, "Processors": []}
    for written, meant in _ESCAPES.items():
        delimiter = delimiter.replace(meant, written)
    parameter = {"ParameterName": "Delimiter", "ParameterValue": delimiter}
    return {"Enabled": True, "Processors": [{"Type": DELIMITER_PROCESSOR, "Parameters": [parameter]}]}


def _refuse_what_is_not_done_here(asked: Mapping[str, Any]) -> None:
    """An endpoint that ignored these would deliver something else than AWS does."""
    for member in asked.keys() - _KNOWN - _HARMLESS:
        value = asked[member]
        off = isinstance(value, dict) and value.get("Enabled") is False
        plain = value in ("Disabled", {"NoEncryptionConfig": "NoEncryption"})
        if not off and not plain:
            raise InvalidArgumentException(f"{member} is not supported by this local endpoint: leave it out")
