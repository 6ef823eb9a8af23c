"""What state the stack is in, what that means for a deploy, and what a person does about it."""

from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from infra.clients import client
from infra.problem import ProblemError

Say = Callable[[str], None]
ABSENT, REVIEW = "", "REVIEW_IN_PROGRESS"  # a stack in review has a change set, and holds nothing yet
_NEVER_WAS = {"ROLLBACK_COMPLETE", "CREATE_FAILED", "ROLLBACK_FAILED"}
_NOTHING_IMPORTED = {
    "IMPORT_ROLLBACK_COMPLETE",
    "IMPORT_ROLLBACK_FAILED",
}  # of a new stack, or of one that stands
_WAIT = {"Delay": 1, "MaxAttempts": 3600}


def state(stack: str) -> str:
    """CloudFormation's word for it; ABSENT where there is no such stack."""
    try:
        described = client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return ABSENT
        raise
    return str(described["StackStatus"])


def stands(stack: str) -> bool:
    return state(stack) not in {ABSENT, REVIEW}


def make_ready(stack: str, consent: Say) -> bool:
    """Whether the stack stands and can be changed; false where it is to be made.

    What a failed first deploy left is cleared away; `consent` is told before, and raises where it is to stay.
    Raises ProblemError where a person has to do something.
    """
    found = state(stack)
    if found in {ABSENT, REVIEW}:
        return False
    if found in _NEVER_WAS or (found in _NOTHING_IMPORTED and not _holds_anything(stack)):
        consent(
            f"stack {stack} is {found}, left by a first deploy that failed: {first_failure(stack)}. "
            "It is removed and made anew; a bucket that it had made is kept"
        )
        remove(stack)
        return False
    if found.endswith("_IN_PROGRESS"):
        raise ProblemError(
            f"stack {stack} is {found}: somebody is changing it now. Wait for its end, then deploy again"
        )
    if found == "UPDATE_ROLLBACK_FAILED":
        raise ProblemError(
            f"stack {stack} could neither be changed nor put back: {first_failure(stack)}. Mend that, run "
            f"`aws cloudformation continue-update-rollback --stack-name {stack}`, then deploy again"
        )
    if found == "DELETE_FAILED":
        raise ProblemError(
            f"stack {stack} could not be removed whole: {first_failure(stack)}. "
            "`cadabra destroy` goes on with it; then deploy again"
        )
    return True


def remove(stack: str) -> None:
    """Take the stack down and wait; what the template retains stays. No stack is no error."""
    cloudformation, found = client("cloudformation"), state(stack)
    if found == ABSENT:
        return
    if found.startswith(("UPDATE", "IMPORT")) and found.endswith("_IN_PROGRESS"):
        raise ProblemError(
            f"stack {stack} is {found}: somebody is changing it now. Wait for its end, then run this again"
        )
    cloudformation.delete_stack(StackName=stack)
    try:
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig=_WAIT)
    except WaiterError as error:
        raise ProblemError(
            f"stack {stack} could not be removed whole: {first_failure(stack)}. "
            "Mend that and run `cadabra destroy`: it goes on"
        ) from error


def refusal(stack: str, error: ClientError) -> ProblemError:
    """CloudFormation does not even begin."""
    said = error.response["Error"].get("Message", str(error))
    if "_IN_PROGRESS" in said or error.response["Error"]["Code"] == "InvalidChangeSetStatus":
        return ProblemError(
            f"stack {stack} is being changed by somebody else: {said}. Wait for its end, then deploy again"
        )
    return ProblemError(f"CloudFormation refuses: {said}. Nothing was changed")


def failure(stack: str, since: str) -> ProblemError:
    """A change that went wrong and was put back, as far as that went."""
    found = state(stack) or "gone"
    what = {
        "ROLLBACK_COMPLETE": "What it had made is removed again; mend that, and deploy anew",
        "UPDATE_ROLLBACK_COMPLETE": "All is as it was before; mend that, and deploy again",
        "UPDATE_ROLLBACK_FAILED": "Putting it back failed too; the next deploy says what to do",
    }.get(found, "Look at its events in CloudFormation")
    return ProblemError(f"stack {stack} failed ({found}): {first_failure(stack, since)}. {what}")


def newest_event(stack: str) -> str:
    """The id of the newest event, so that an older failure is not taken for a new one."""
    return next((event["EventId"] for event in _events(stack)), "")


def first_failure(stack: str, since: str = "") -> str:
    """The resource that failed first, and why; the others were cancelled because of it."""
    failed = "CloudFormation does not say why"
    for event in _events(stack):
        if event["EventId"] == since:
            break
        if event["ResourceStatus"].endswith("_FAILED") and "cancelled" not in _reason(event):
            failed = f"{event['LogicalResourceId']}: {_reason(event)}"
    return failed


def _holds_anything(stack: str) -> bool:
    pages = client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    states = (each["ResourceStatus"] for page in pages for each in page["StackResourceSummaries"])
    return any(
        not state.startswith(("IMPORT_ROLLBACK", "IMPORT_FAILED", "DELETE_COMPLETE")) for state in states
    )


def _events(stack: str) -> Iterator[dict[str, Any]]:
    """Newest first."""
    for page in client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=stack):
        yield from page["StackEvents"]


def _reason(event: dict[str, Any]) -> str:
    return str(event.get("ResourceStatusReason", "no reason given")).rstrip(".")
