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
PROCESSING_FAILED = "processing-failed"  # the only error output type there is without format conversion
DESTINATION_ID = "destinationId-000000000001"
DELIMITER_PROCESSOR, LAMBDA_PROCESSOR = "AppendDelimiterToRecord", "Lambda"
_PATH = "extendedS3DestinationConfiguration."
_COMPRESSIONS = ("UNCOMPRESSED", "GZIP", "ZIP", "Snappy", "HADOOP_SNAPPY")
_BUCKET_ARN = re.compile(r"arn:.*:s3:::([\w.\-]{1,255})")
_ROLE_ARN = re.compile(r"arn:.*:iam::\d{12}:role/[a-zA-Z_0-9+=,.@\-_/]+")
_PREFIX = re.compile(r".{0,1024}", re.DOTALL)
_EXTENSION = re.compile(r"^$|\.[0-9a-z!\-_.*'()]{1,127}")
_LAMBDA_ARN = re.compile(r"arn:[^:]*:lambda:[^:]*:\d{12}:function:[a-zA-Z0-9_$:.-]+")
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
    lambda_arn: str = ""  # each record goes through this function

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

    def error_key(self, stream: str, version: int, arrival: datetime, identity: str) -> str:
        """The key of what its function could not process."""
        local = arrival.astimezone(self.zone)
        prefix = prefixes.evaluate_error(self.error_prefix, self.prefix, local, PROCESSING_FAILED)
        return f"{prefix}{stream}-{version}-{local:%Y-%m-%d-%H-%M-%S}-{identity}"

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
            **_processors(asked, default),
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
            "ProcessingConfiguration": _processing(self.lambda_arn, self.delimiter),
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


def _processors(asked: Mapping[str, Any], default: Destination) -> dict[str, str]:
    """The members of Destination that ProcessingConfiguration sets."""
    found = {"lambda_arn": default.lambda_arn, "delimiter": default.delimiter}
    processing = asked.get("ProcessingConfiguration")
    if processing is None:
        return found
    found = {"lambda_arn": "", "delimiter": ""}
    for processor in processing.get("Processors") or [] if processing.get("Enabled") else []:
        parameters = {
            entry.get("ParameterName"): str(entry.get("ParameterValue", ""))
            for entry in processor.get("Parameters") or []
        }
        match processor.get("Type"):
            case "AppendDelimiterToRecord":
                found["delimiter"] = _unescaped(parameters.get("Delimiter", "\\n"))
            case "Lambda":
                found["lambda_arn"] = protocol.text(
                    parameters, "LambdaArn", _LAMBDA_ARN, _PATH + "processors.lambdaArn", None
                )
            case other:
                raise InvalidArgumentException(
                    f"Processor {other} is not run here: {LAMBDA_PROCESSOR} and {DELIMITER_PROCESSOR} are"
                )
    return found


def _unescaped(delimiter: str) -> str:
    for written, meant in _ESCAPES.items():
        delimiter = delimiter.replace(written, meant)
    return delimiter


def _processing(lambda_arn: str, delimiter: str) -> dict[str, Any]:
    for written, meant in _ESCAPES.items():
        delimiter = delimiter.replace(meant, written)
    asked = (
        (LAMBDA_PROCESSOR, "LambdaArn", lambda_arn),
        (DELIMITER_PROCESSOR, "Delimiter", delimiter),
    )
    processors = [
        {"Type": kind, "Parameters": [{"ParameterName": name, "ParameterValue": value}]}
        for kind, name, value in asked
        if value
    ]
    return {"Enabled": bool(processors), "Processors": processors}


def _refuse_what_is_not_done_here(asked: Mapping[str, Any]) -> None:
    """An endpoint that ignored these would deliver something else than AWS does."""
    for member in asked.keys() - _KNOWN - _HARMLESS:
        value = asked[member]
        off = isinstance(value, dict) and value.get("Enabled") is False
        plain = value in ("Disabled", {"NoEncryptionConfig": "NoEncryption"})
        if not off and not plain:
            raise InvalidArgumentException(f"{member} is not supported by this local endpoint: leave it out")
