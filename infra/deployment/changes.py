"""A change set: what CloudFormation would do, shown before it is done."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError, WaiterError
from rich.table import Table
from rich.text import Text

from infra import console
from infra.clients import client
from infra.deployment import stack_state
from infra.problem import ProblemError

_WAIT = {"Delay": 1, "MaxAttempts": 3600}
_NO_CHANGE = ("didn't contain changes", "No updates are to be performed")

# What is gone when a resource of this type is removed or replaced, and how it comes back.
_HOLDS = {
    "AWS::DynamoDB::Table": "its lists; `cadabra rebuild` brings them back",
    "AWS::Kinesis::Stream": "lines not yet delivered",
    "AWS::KinesisFirehose::DeliveryStream": "lines not yet written to S3",
    "AWS::Logs::LogGroup": "its log",
    "AWS::S3::Bucket": "ALL ORDERS AND LISTS",
    "AWS::SNS::Topic": "its subscriptions",
    "AWS::SQS::Queue": "its messages",
}


@dataclass(frozen=True)
class Change:
    action: str  # Add, Modify, Remove, Import
    name: str
    type: str
    replacement: str = ""  # True, Conditional, False; only of a Modify
    policy: str = ""  # what CloudFormation does with the old one: Delete, Retain, ReplaceAndRetain, ...

    @property
    def replaces(self) -> bool:
        return self.replacement in {"True", "Conditional"}

    @property
    def loses(self) -> str:
        """What would be gone for good; empty where nothing is, or where the old one is kept."""
        gone = self.action == "Remove" or self.replaces
        return _HOLDS.get(self.type, "") if gone and "Retain" not in self.policy else ""

    @classmethod
    def of(cls, plain: dict[str, Any]) -> "Change":
        found = plain["ResourceChange"]
        return cls(
            found["Action"],
            found["LogicalResourceId"],
            found["ResourceType"],
            found.get("Replacement", ""),
            found.get("PolicyAction", ""),
        )


@dataclass(frozen=True)
class ChangeSet:
    id: str
    stack: str
    kind: str  # CREATE or UPDATE
    changes: tuple[Change, ...]

    def __str__(self) -> str:
        done = "created" if self.kind == "CREATE" else "changed"
        return f"{console.counted(len(self.changes), 'resource')} {done}"


def plan(stack: str, template: dict[str, str], parameters: list[dict[str, Any]]) -> ChangeSet | None:
    """What CloudFormation would change; None where all is as it should be."""
    cloudformation = client("cloudformation")
    kind = "UPDATE" if stack_state.stands(stack) else "CREATE"
    try:
        made = cloudformation.create_change_set(
            StackName=stack,
            ChangeSetName=f"deploy-{uuid.uuid4().hex}",
            ChangeSetType=kind,
            **template,
            Parameters=parameters,
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Tags=[{"Key": "application", "Value": stack}],
        )["Id"]
    except ClientError as error:
        raise stack_state.refusal(stack, error) from error
    if _is_empty(cloudformation, made):
        cloudformation.delete_change_set(ChangeSetName=made)
        return None
    return ChangeSet(made, stack, kind, tuple(_changes(cloudformation, made)))


def execute(change_set: ChangeSet) -> None:
    """Do it, and wait for its end; a failure names the resource that failed first, and why."""
    cloudformation = client("cloudformation")
    began = stack_state.newest_event(change_set.stack)
    try:
        cloudformation.execute_change_set(ChangeSetName=change_set.id)
    except ClientError as error:
        raise stack_state.refusal(change_set.stack, error) from error
    waiter = cloudformation.get_waiter(f"stack_{change_set.kind.lower()}_complete")
    try:
        waiter.wait(StackName=change_set.stack, WaiterConfig=_WAIT)
    except WaiterError as error:
        raise stack_state.failure(change_set.stack, began) from error


def discard(change_set: ChangeSet) -> None:
    client("cloudformation").delete_change_set(ChangeSetName=change_set.id)


def table(change_set: ChangeSet) -> Table:
    """As wide as a terminal of 80 columns; red is what loses data."""
    made = console.table(f"What changes in stack {change_set.stack}", "", "resource", "type", "replaced?")
    made.pad_edge, made.collapse_padding = False, True
    for change in sorted(change_set.changes, key=lambda change: (not change.loses, change.action)):
        style = "bold red" if change.loses else "yellow" if change.replaces else ""
        row = (change.action, change.name, change.type.removeprefix("AWS::"), _replaced(change))
        made.add_row(*(Text(cell, style=style) for cell in row))
    return made


def _replaced(change: Change) -> str:
    """Whether the resource is made anew, and what that loses."""
    how = {"True": "yes", "Conditional": "perhaps"}.get(change.replacement, "")
    lost = f"loses {change.loses}" if change.loses else ""
    return ", ".join(filter(None, (how, lost)))


def _is_empty(cloudformation: Any, change_set: str) -> bool:
    waiter = cloudformation.get_waiter("change_set_create_complete")
    try:
        waiter.wait(ChangeSetName=change_set, WaiterConfig=_WAIT)
    except WaiterError as error:
        reason = str(error.last_response.get("StatusReason", error))
        if any(words in reason for words in _NO_CHANGE):
            return True
        raise ProblemError(
            f"CloudFormation refuses the template: {reason}. Nothing was changed; mend infra/template.yaml "
            "or the parameters, and deploy again"
        ) from error
    return False


def _changes(cloudformation: Any, change_set: str) -> Iterator[Change]:
    for page in cloudformation.get_paginator("describe_change_set").paginate(ChangeSetName=change_set):
        yield from map(Change.of, page["Changes"])
