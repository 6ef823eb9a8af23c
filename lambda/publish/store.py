"""The bucket and the DynamoDB table as the publisher uses them: batches in, batches out, with patience."""

import random
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import botocore.session
from botocore.config import Config

from contracts.lists import is_removal, to_dynamo

WRITE_BATCH = 25  # BatchWriteItem's limit
READ_BATCH = 100  # BatchGetItem's limit
TRIES = 8  # with the pauses below some 25 seconds: longer than that, the queue tries again
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 6.4

T = TypeVar("T")


class ThrottledError(RuntimeError):
    """DynamoDB left items unprocessed however often they were sent."""


@dataclass(frozen=True)
class Store:
    s3: Any
    dynamodb: Any
    table: str
    pause: Callable[[float], None] = time.sleep

    @classmethod
    def connect(cls, table: str) -> "Store":
        session = botocore.session.get_session()
        patient = Config(retries={"mode": "standard", "max_attempts": TRIES})
        return cls(
            session.create_client("s3", config=patient),
            session.create_client("dynamodb", config=patient),
            table,
        )

    def object(self, bucket: str, key: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    def write(self, plains: list[dict[str, Any]]) -> None:
        """Put or delete up to 25 items; what DynamoDB leaves unprocessed is sent again."""
        requests = [_write_request(plain) for plain in plains]
        self._until_processed(
            {self.table: requests},
            lambda left: self.dynamodb.batch_write_item(RequestItems=left)["UnprocessedItems"],
        )

    def read(self, keys: list[str], attributes: str) -> dict[str, dict[str, Any]]:
        """Those of up to 100 keys that exist, strongly consistent, as DynamoDB writes them."""
        found: dict[str, dict[str, Any]] = {}
        names = {f"#{name}": name for name in ("id", *attributes.split())}
        request = {
            "Keys": [{"id": {"S": key}} for key in keys],
            "ConsistentRead": True,
            "ProjectionExpression": ", ".join(names),
            "ExpressionAttributeNames": names,
        }

        def send(left: dict[str, Any]) -> dict[str, Any]:
            answer = self.dynamodb.batch_get_item(RequestItems=left)
            found.update((item["id"]["S"], item) for item in answer["Responses"].get(self.table, ()))
            unprocessed: dict[str, Any] = answer["UnprocessedKeys"]
            return unprocessed

        self._until_processed({self.table: request}, send)
        return found

    def _until_processed(
        self, left: dict[str, Any], send: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> None:
        for attempt in range(TRIES):
            left = send(left)
            if not left:
                return
            longest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**attempt)
            self.pause(random.uniform(longest / 2, longest))
        raise ThrottledError(f"table {self.table} left items unprocessed {TRIES} times; raise its capacity")


def _write_request(plain: dict[str, Any]) -> dict[str, Any]:
    if is_removal(plain):
        return {"DeleteRequest": {"Key": {"id": {"S": plain["id"]}}}}
    return {"PutRequest": {"Item": to_dynamo(plain)}}


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
