"""The protocol that puts a version live: one DynamoDB item says which publication is open and what is live.

retrain opens a publication and writes its parts to S3; publish checks the open number before it writes,
marks each part done, and closes. One is open at a time; numbers only grow.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

PUBLICATION_KEY = {"id": {"S": "control#publication"}}


class State(StrEnum):
    OPEN = "open"
    LIVE = "live"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True)
class Publication:
    number: int
    version: str
    parts: int
    state: State
    done: frozenset[int]
    live_number: int  # 0 before the first
    live_version: str  # empty before the first

    @property
    def complete(self) -> bool:
        return len(self.done) == self.parts

    @property
    def abandoned(self) -> bool:
        return self.state == State.ABANDONED


class PublicationOpenError(RuntimeError):
    """Another publication is open; it must be closed or abandoned first."""


def read(dynamodb: Any, table: str) -> Publication | None:
    item = dynamodb.get_item(TableName=table, Key=PUBLICATION_KEY, ConsistentRead=True).get("Item")
    return from_item(item) if item else None


def open_(dynamodb: Any, table: str, number: int, version: str, parts: int) -> None:
    """Open publication `number`; PublicationOpenError where another is open or the number is not new."""
    try:
        dynamodb.update_item(
            TableName=table,
            Key=PUBLICATION_KEY,
            UpdateExpression="SET #n = :n, #v = :v, #p = :p, #s = :open REMOVE done",
            ConditionExpression="attribute_not_exists(id) OR (#n < :n AND #s <> :open)",
            ExpressionAttributeNames={"#n": "number", "#v": "version", "#p": "parts", "#s": "state"},
            ExpressionAttributeValues={
                ":n": {"N": str(number)},
                ":v": {"S": version},
                ":p": {"N": str(parts)},
                ":open": {"S": State.OPEN},
            },
        )
    except dynamodb.exceptions.ConditionalCheckFailedException as error:
        raise PublicationOpenError(
            f"publication {number} cannot open: {read(dynamodb, table)} stands before it"
        ) from error


def mark_done(dynamodb: Any, table: str, number: int, place: int) -> Publication | None:
    """Count a part as in; None where `number` is no longer the open one."""
    return _update(dynamodb, table, number, "ADD done :value", {"NS": [str(place)]})


def close(dynamodb: Any, table: str, number: int, version: str) -> Publication | None:
    """The version is live; None where `number` is no longer the open one."""
    return _update(
        dynamodb,
        table,
        number,
        "SET #s = :live, live_number = #n, live_version = :value",
        {"S": version},
        {":live": {"S": State.LIVE}},
    )


def abandon(dynamodb: Any, table: str, number: int) -> Publication | None:
    """No part of it is written any more; its keys belong into the next difference."""
    return _update(dynamodb, table, number, "SET #s = :value", {"S": State.ABANDONED})


def restore(dynamodb: Any, table: str, number: int, live_number: int, live_version: str) -> None:
    """What S3 says, into a table that lost it: `number` is the highest ever used."""
    dynamodb.put_item(
        TableName=table,
        Item={
            **PUBLICATION_KEY,
            "number": {"N": str(number)},
            "version": {"S": live_version},
            "parts": {"N": "0"},
            "state": {"S": State.ABANDONED},
            "live_number": {"N": str(live_number)},
            "live_version": {"S": live_version},
        },
        ConditionExpression="attribute_not_exists(id)",
    )


def _update(
    dynamodb: Any, table: str, number: int, update: str, value: Any, more: dict[str, Any] | None = None
) -> Publication | None:
    try:
        answer = dynamodb.update_item(
            TableName=table,
            Key=PUBLICATION_KEY,
            UpdateExpression=update,
            ConditionExpression="#n = :n AND #s = :open",
            ExpressionAttributeNames={"#n": "number", "#s": "state"},
            ExpressionAttributeValues={
                ":n": {"N": str(number)},
                ":open": {"S": State.OPEN},
                ":value": value,
                **(more or {}),
            },
            ReturnValues="ALL_NEW",
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return None
    return from_item(answer["Attributes"])


def from_item(item: dict[str, Any]) -> Publication:
    """What stands under PUBLICATION_KEY."""
    return Publication(
        number=int(item["number"]["N"]),
        version=item["version"]["S"],
        parts=int(item["parts"]["N"]),
        state=State(item["state"]["S"]),
        done=frozenset(int(place) for place in item.get("done", {"NS": []})["NS"]),
        live_number=int(item.get("live_number", {"N": "0"})["N"]),
        live_version=item.get("live_version", {"S": ""})["S"],
    )
