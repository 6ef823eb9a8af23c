"""agent.json, in the Amazon Kinesis Agent's own format, as frozen settings. Read once, at the start.

Every key that agent knows is honoured, refused or warned about by name: see docs/firehose.md.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

MIB = 1024 * 1024
FIREHOSE, KINESIS = "firehose", "kinesis"
START_OF_FILE, END_OF_FILE = "START_OF_FILE", "END_OF_FILE"
RANDOM, DETERMINISTIC = "RANDOM", "DETERMINISTIC"
MAX_RECORD_BYTES = 1_024_000  # Firehose's limit; Kinesis takes a little more
MAX_BATCH_RECORDS = 500
MAX_BATCH_BYTES = {FIREHOSE: 4 * MIB, KINESIS: 5 * MIB - MAX_BATCH_RECORDS * 64}  # Kinesis counts the keys
DEFAULT_SENDING_THREADS = 4  # put_record_batch waits on the network; more only take memory
_COMMENT = re.compile(r'"(?:\\.|[^"\\])*"|/\*.*?\*/|//[^\n]*', re.DOTALL)
_REFUSED = {
    "dataProcessingOptions": "ingest reads the lines as they were written",
    "multiLineStartPattern": "a line is what ends with a newline",
    "fileFooterPattern": "every line of a file is shipped",
}
_WITHOUT_EFFECT = {
    "truncatedRecordTerminator": "a line longer than a record is put into quarantine whole, never cut",
    "log.level": "this agent logs what an operator must know, always",
    "log.emitMetrics": "the status line says it",
    "maxSendingThreadsPerCore": "give maxSendingThreads",
}


class ConfigError(ValueError):
    """agent.json cannot be used; the message names the key."""


@dataclass(frozen=True, slots=True)
class Flow:
    """From which files to which stream."""

    directory: Path
    name_pattern: str
    kind: str  # FIREHOSE or KINESIS
    stream: str
    initial_position: str = END_OF_FILE
    max_buffer_age_seconds: float = 60.0
    max_batch_records: int = MAX_BATCH_RECORDS
    max_batch_bytes: int = 4 * MIB
    aggregated_record_bytes: int = 0  # 0: one line a record
    first_retry_seconds: float = 0.1
    last_retry_seconds: float = 10.0
    skip_header_lines: int = 0
    partition_keys: str = RANDOM
    poll_seconds: float = 0.1

    @property
    def identity(self) -> str:
        """The same for as long as the same files go to the same stream; the checkpoint knows a flow by it."""
        return f"{self.kind}:{self.stream}:{self.directory / self.name_pattern}"

    def would_ship(self, path: Path) -> bool:
        return path.parent == self.directory and fnmatchcase(path.name, self.name_pattern)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What agent.json says of them; where it says nothing, boto3's own chain."""

    access_key: str = ""
    secret_key: str = ""
    role_arn: str = ""
    external_id: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    flows: tuple[Flow, ...]
    checkpoint: Path
    endpoints: Mapping[str, str] = field(default_factory=dict)  # by service, where the file names one
    credentials: Credentials = field(default_factory=Credentials)
    sending_threads: int = DEFAULT_SENDING_THREADS
    shutdown_seconds: float = 10.0
    connect_seconds: float = 10.0
    read_seconds: float = 50.0
    emit_metrics: bool = True
    metrics_seconds: float = 30.0
    metrics_namespace: str = "AWSKinesisAgent"
    report_seconds: float = 30.0
    checkpoint_days: int = 7
    warnings: tuple[str, ...] = ()


def load(path: Path) -> Settings:
    try:
        text = path.read_text()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    try:
        plain = json.loads(without_comments(text))
    except ValueError as error:
        raise ConfigError(f"{path} is not JSON: {error}") from error
    if not isinstance(plain, dict):
        raise ConfigError(f"{path} is not a JSON object")
    return parse(plain, str(path))


def without_comments(text: str) -> str:
    """Comments become nothing, as the Amazon Kinesis Agent's own reader has it."""
    return _COMMENT.sub(lambda match: match.group() if match.group().startswith('"') else "", text)


def parse(plain: Mapping[str, Any], where: str) -> Settings:
    keys = _Keys(plain, where)
    flows = keys.take("flows", list, [])
    if not flows:
        raise ConfigError(f"{where}: flows is empty: name at least one filePattern and deliveryStream")
    parsed, warnings = [], []
    for place, flow in enumerate(flows):
        flow_keys = _Keys(flow, f"{where}: flows[{place}]")
        parsed.append(_flow(flow_keys))
        warnings += flow_keys.warnings()
    settings = Settings(
        flows=tuple(parsed),
        checkpoint=Path(keys.take("checkpointFile", str, "/var/run/aws-kinesis-agent/checkpoints")),
        endpoints=_endpoints(keys),
        credentials=Credentials(
            keys.take("awsAccessKeyId", str, ""),
            keys.take("awsSecretAccessKey", str, ""),
            keys.take("assumeRoleARN", str, ""),
            keys.take("assumeRoleExternalId", str, ""),
        ),
        sending_threads=keys.whole("maxSendingThreads", DEFAULT_SENDING_THREADS, (1, 256)),
        shutdown_seconds=keys.whole("shutdownTimeoutMillis", 10_000, (0, 3_600_000)) / 1000,
        connect_seconds=keys.whole("connectionTimeoutMillis", 10_000, (1, 600_000)) / 1000,
        read_seconds=keys.whole("socketTimeoutMillis", 50_000, (1, 600_000)) / 1000,
        emit_metrics=keys.truth("cloudwatch.emitMetrics", True),
        metrics_seconds=keys.whole("cloudwatch.metricsBufferTimeMillis", 30_000, (1000, 3_600_000)) / 1000,
        metrics_namespace=keys.take("cloudwatch.namespace", str, "AWSKinesisAgent"),
        report_seconds=float(keys.whole("log.statusReportingPeriodSeconds", 30, (1, 86_400))),
        checkpoint_days=keys.whole("checkpointTimeToLiveDays", 7, (1, 3650)),
        warnings=(),
    )
    identities = [flow.identity for flow in parsed]
    if len(set(identities)) != len(identities):
        raise ConfigError(f"{where}: two flows ship the same files to the same stream")
    if any(flow.would_ship(settings.checkpoint) for flow in parsed):
        told = f"a filePattern matches checkpointFile {settings.checkpoint}: put it elsewhere"
        raise ConfigError(f"{where}: {told}")
    return replace(settings, warnings=(*keys.warnings(), *warnings))


def _flow(keys: "_Keys") -> Flow:
    pattern = keys.take("filePattern", str, "")
    directory, name = os.path.split(pattern)
    if not pattern.startswith("/") or not name:
        raise ConfigError(f"{keys.where}: filePattern {pattern!r} is not an absolute path of files")
    if any(letter in directory for letter in "*?["):
        raise ConfigError(f"{keys.where}: filePattern {pattern!r} has a wildcard before its last part")
    delivery, kinesis = keys.take("deliveryStream", str, ""), keys.take("kinesisStream", str, "")
    if bool(delivery) == bool(kinesis):
        raise ConfigError(f"{keys.where}: give either deliveryStream or kinesisStream")
    kind = FIREHOSE if delivery else KINESIS
    return Flow(
        directory=Path(directory),
        name_pattern=name,
        kind=kind,
        stream=delivery or kinesis,
        initial_position=keys.choice("initialPosition", END_OF_FILE, (END_OF_FILE, START_OF_FILE)),
        max_buffer_age_seconds=keys.whole("maxBufferAgeMillis", 60_000, (1000, 900_000)) / 1000,
        max_batch_records=keys.whole("maxBufferSizeRecords", MAX_BATCH_RECORDS, (1, MAX_BATCH_RECORDS)),
        max_batch_bytes=keys.whole("maxBufferSizeBytes", MAX_BATCH_BYTES[kind], (1, MAX_BATCH_BYTES[kind])),
        aggregated_record_bytes=keys.whole("aggregatedRecordSizeBytes", 0, (0, MAX_RECORD_BYTES)),
        first_retry_seconds=keys.whole("retryInitialBackoffMillis", 100, (1, 3_600_000)) / 1000,
        last_retry_seconds=keys.whole("retryMaxBackoffMillis", 10_000, (1, 3_600_000)) / 1000,
        skip_header_lines=keys.whole("skipHeaderLines", 0, (0, 1000)),
        partition_keys=keys.choice("partitionKeyOption", RANDOM, (RANDOM, DETERMINISTIC)),
        poll_seconds=keys.whole("minTimeBetweenFilePollsMillis", 100, (1, 60_000)) / 1000,
    )


def _endpoints(keys: "_Keys") -> dict[str, str]:
    named = {}
    for service in (FIREHOSE, KINESIS, "cloudwatch", "sts"):
        endpoint = keys.take(f"{service}.endpoint", str, "")
        if endpoint:
            named[service] = endpoint if "://" in endpoint else f"https://{endpoint}"
    return named


class _Keys:
    """Takes keys out of a JSON object, and knows in the end which were never asked for."""

    def __init__(self, plain: object, where: str) -> None:
        if not isinstance(plain, dict):
            raise ConfigError(f"{where} is not a JSON object")
        self.where, self._plain = where, plain
        self._seen: set[str] = set()
        for key, reason in _REFUSED.items():
            if plain.get(key):
                raise ConfigError(f"{where}: {key} is not supported: {reason}. Remove it")

    def take(self, key: str, kind: type, default: Any) -> Any:
        self._seen.add(key)
        value = self._plain.get(key, default)
        if not isinstance(value, kind):
            raise ConfigError(f"{self.where}: {key} is {value!r}, not {kind.__name__}")
        return value

    def whole(self, key: str, default: int, bounds: tuple[int, int]) -> int:
        """The agent's own reader takes numbers in quotes as well."""
        value = self._number(key, default)
        least, most = bounds
        if not least <= value <= most:
            raise ConfigError(f"{self.where}: {key} is {value}, outside {least} to {most}")
        return value

    def truth(self, key: str, default: bool) -> bool:
        value = self.take(key, object, default)
        if isinstance(value, bool):
            return value
        if str(value).lower() in ("true", "false"):
            return str(value).lower() == "true"
        raise ConfigError(f"{self.where}: {key} is {value!r}, not true or false")

    def choice(self, key: str, default: str, choices: tuple[str, ...]) -> str:
        value = self.take(key, str, default)
        if value not in choices:
            raise ConfigError(f"{self.where}: {key} is {value!r}, not one of {', '.join(choices)}")
        return str(value)

    def warnings(self) -> list[str]:
        """What the file says and this agent does not do."""
        unread = sorted(self._plain.keys() - self._seen - _REFUSED.keys())
        reasons = {key: _WITHOUT_EFFECT.get(key, "this agent does not know it") for key in unread}
        return [f"{self.where}: {key} has no effect here: {reason}" for key, reason in reasons.items()]

    def _number(self, key: str, default: int) -> int:
        value = self.take(key, object, default)
        if not isinstance(value, bool) and re.fullmatch(r"-?[0-9]+", str(value)):
            return int(value)
        raise ConfigError(f"{self.where}: {key} is {value!r}, not a whole number")
