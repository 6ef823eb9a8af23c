"""The run lease: one DynamoDB item, written on a condition, so that one retrain runs at a time.

start_retrain takes it, each step of the run checks its number before it commits, the last step gives it back.
The number only grows, also when the table was lost: it is never below the clock's seconds.
"""

from dataclasses import dataclass
from typing import Any

LEASE_KEY = {"id": {"S": "control#lease"}}
STARTING_SECONDS = 120  # from taking the lease until the cluster's name stands in it


@dataclass(frozen=True, slots=True)
class Lease:
    number: int
    deadline: int  # epoch seconds; from then on the run may commit nothing
    cluster: str = ""
    free: bool = False


class LeaseHeldError(RuntimeError):
    """Another run holds the lease."""

    def __init__(self, lease: Lease, now: int) -> None:
        where = f"on cluster {lease.cluster}" if lease.cluster else "about to start"
        super().__init__(
            f"run {lease.number} is active ({where}); it {_ends(lease, now)}. "
            "Wait for it: two retrains at once would write the same tables"
        )
        self.lease = lease


def _ends(lease: Lease, now: int) -> str:
    left = lease.deadline - now
    return f"ends within {left} s" if left > 0 else "is overdue and is being ended"


class LeaseLostError(RuntimeError):
    """The run's lease has passed on or run out: it may commit nothing more."""


def read(dynamodb: Any, table: str) -> Lease | None:
    item = dynamodb.get_item(TableName=table, Key=LEASE_KEY, ConsistentRead=True).get("Item")
    if item is None:
        return None
    return Lease(
        int(item["number"]["N"]), int(item["deadline"]["N"]), item["cluster"]["S"], item["free"]["BOOL"]
    )


def take(dynamodb: Any, table: str, now: int) -> Lease:
    """The lease under a new number, or LeaseHeldError. It runs out soon unless `start` is called."""
    held = read(dynamodb, table)
    if held and not held.free and held.deadline > now:
        raise LeaseHeldError(held, now)
    lease = Lease(max(now, held.number + 1 if held else 0), now + STARTING_SECONDS)
    condition = "#n = :old" if held else "attribute_not_exists(id)"
    try:
        _write(dynamodb, table, lease, condition, {":old": _number(held.number)} if held else {})
    except dynamodb.exceptions.ConditionalCheckFailedException as error:
        raise LeaseHeldError(read(dynamodb, table) or lease, now) from error
    return lease


def start(dynamodb: Any, table: str, lease: Lease, cluster: str, deadline: int) -> Lease:
    """The lease names its cluster and gets the run's hard deadline."""
    started = Lease(lease.number, deadline, cluster)
    try:
        _write(dynamodb, table, started, "#n = :old", {":old": _number(lease.number)})
    except dynamodb.exceptions.ConditionalCheckFailedException as error:
        raise LeaseLostError(
            f"run {lease.number} lost its lease before its cluster {cluster} began"
        ) from error
    return started


def check(dynamodb: Any, table: str, number: int, now: int) -> None:
    """Called before each commit; raises LeaseLostError when run `number` may commit nothing more."""
    lease = read(dynamodb, table)
    if lease is None or lease.number != number or lease.free:
        holder = "nobody" if lease is None or lease.free else f"run {lease.number}"
        raise LeaseLostError(
            f"run {number} no longer holds the lease ({holder} does): nothing more is committed"
        )
    if lease.deadline <= now:
        raise LeaseLostError(
            f"run {number} is {now - lease.deadline} s past its deadline: nothing is committed"
        )


def release(dynamodb: Any, table: str, number: int) -> bool:
    """Give the lease back; false where run `number` no longer held it."""
    try:
        dynamodb.update_item(
            TableName=table,
            Key=LEASE_KEY,
            UpdateExpression="SET #f = :true",
            ConditionExpression="#n = :old",
            ExpressionAttributeNames={"#n": "number", "#f": "free"},
            ExpressionAttributeValues={":true": {"BOOL": True}, ":old": _number(number)},
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True


def _write(dynamodb: Any, table: str, lease: Lease, condition: str, values: dict[str, Any]) -> None:
    item = {
        **LEASE_KEY,
        "number": _number(lease.number),
        "deadline": _number(lease.deadline),
        "cluster": {"S": lease.cluster},
        "free": {"BOOL": lease.free},
    }
    arguments: dict[str, Any] = {"TableName": table, "Item": item, "ConditionExpression": condition}
    if values:
        arguments |= {"ExpressionAttributeValues": values, "ExpressionAttributeNames": {"#n": "number"}}
    dynamodb.put_item(**arguments)


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}
