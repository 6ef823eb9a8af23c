"""What an emulator's CloudFormation silently drops: asked on every target, set by API where it is missing.

infra/deployment/differences.py lists them, and what else is not as on AWS.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from infra.clients import client
from infra.deployment import lifecycle
from infra.deployment.checks import absent
from infra.deployment.resources import Resource


@dataclass(frozen=True)
class Setting:
    """A property of the template that may be missing although its resource is there."""

    type: str
    property: str
    what: str
    stands: Callable[[str, Any], bool]  # the resource's id, and the property as the template has it
    put: Callable[[str, Any], object]


@dataclass(frozen=True)
class Lack:
    resource: Resource
    setting: Setting
    wanted: Any

    def __str__(self) -> str:
        return f"{self.setting.what} of {self.resource.name}"

    def mend(self) -> None:
        self.setting.put(self.resource.id, self.wanted)


def lacking(resources: list[Resource]) -> Iterator[Lack]:
    """Each setting of the template that does not stand."""
    for resource in resources:
        for setting in SETTINGS:
            wanted = resource.get(setting.property) if setting.type == resource.type else None
            if wanted is not None and not _stands(setting, resource.id, wanted):
                yield Lack(resource, setting, wanted)


def _stands(setting: Setting, resource: str, wanted: Any) -> bool:
    try:
        return setting.stands(resource, wanted)
    except ClientError as error:
        if absent(error):
            return False
        raise


def _expiry_stands(table: str, wanted: dict[str, Any]) -> bool:
    standing = client("dynamodb").describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    return bool((standing["TimeToLiveStatus"] in {"ENABLED", "ENABLING"}) == wanted["Enabled"])


def _recovery_stands(table: str, wanted: dict[str, Any]) -> bool:
    described = client("dynamodb").describe_continuous_backups(TableName=table)
    standing = described["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    stands = standing["PointInTimeRecoveryStatus"] == "ENABLED"
    return bool(stands == wanted["PointInTimeRecoveryEnabled"])


def _dead_letters_stand(function: str, wanted: dict[str, Any]) -> bool:
    standing = client("lambda").get_function_configuration(FunctionName=function)
    return bool(standing.get("DeadLetterConfig", {}).get("TargetArn") == wanted["TargetArn"])


def _concurrency_stands(function: str, wanted: Any) -> bool:
    standing = client("lambda").get_function_concurrency(FunctionName=function)
    return bool(standing.get("ReservedConcurrentExecutions") == int(wanted))


SETTINGS = (
    Setting("AWS::S3::Bucket", "LifecycleConfiguration", "the lifecycle", lifecycle.stands, lifecycle.put),
    Setting(
        "AWS::DynamoDB::Table",
        "TimeToLiveSpecification",
        "the time to live",
        _expiry_stands,
        lambda table, wanted: client("dynamodb").update_time_to_live(
            TableName=table, TimeToLiveSpecification=wanted
        ),
    ),
    Setting(
        "AWS::DynamoDB::Table",
        "PointInTimeRecoverySpecification",
        "the point-in-time recovery",
        _recovery_stands,
        lambda table, wanted: client("dynamodb").update_continuous_backups(
            TableName=table, PointInTimeRecoverySpecification=wanted
        ),
    ),
    Setting(
        "AWS::Lambda::Function",
        "DeadLetterConfig",
        "the dead-letter target",
        _dead_letters_stand,
        lambda function, wanted: client("lambda").update_function_configuration(
            FunctionName=function, DeadLetterConfig=wanted
        ),
    ),
    Setting(
        "AWS::Lambda::Function",
        "ReservedConcurrentExecutions",
        "the reserved concurrency",
        _concurrency_stands,
        lambda function, wanted: client("lambda").put_function_concurrency(
            FunctionName=function, ReservedConcurrentExecutions=int(wanted)
        ),
    ),
)
