"""The bucket and the DynamoDB table as the publisher uses them: batches in, batches out, with patience."""

import gzip
import json
import random
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

from contracts import erasure
from contracts.lists import is_removal, to_dynamo
from publish.pace import Pace
from publish.suppressed import obeyed

WRITE_BATCH = 25  # BatchWriteItem's limit
READ_BATCH = 100  # BatchGetItem's limit
TRIES = 8  # with the pauses below some 25 seconds: longer than that, the queue tries again
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 6.4
_MISSING = {"NoSuchKey", "AccessDenied"}  # S3 says the latter to whoever may not list the bucket

T = TypeVar("T")
Item = dict[str, Any]  # as contracts.lists.to_plain and removal have it, or as DynamoDB writes it


class ThrottledError(RuntimeError):
    """DynamoDB left items unprocessed however often they were sent."""


@dataclass(frozen=True)
class Store:
    s3: Any
    dynamodb: Any
    table: str
    pause: Callable[[float], None] = time.sleep
    pace: Pace = field(default_factory=Pace)

    @classmethod
    def connect(cls, table: str) -> "Store":
        session = botocore.session.get_session()
        # Throttling and lost connections are botocore's to try again; it knows nothing of unprocessed items.
        patient = Config(
            retries={"mode": "standard", "total_max_attempts": TRIES},
            parameter_validation=False,  # a fifth of a call's time, for requests made here
        )
        return cls(
            session.create_client("s3", config=patient),
            session.create_client("dynamodb", config=patient),
            table,
        )

    def object(self, bucket: str, key: str, *, missing_ok: bool = False) -> bytes:
        try:
            body: bytes = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except ClientError as error:
            if missing_ok and error.response["Error"]["Code"] in _MISSING:
                return b""
            raise
        return body

    def lines(self, bucket: str, key: str, *, missing_ok: bool = False) -> Iterator[Item]:
        """The lines of a publication's part; those of erased customers are removals."""
        return obeyed(
            erasure.suppression(self.s3, bucket), self.raw_lines(bucket, key, missing_ok=missing_ok)
        )

    def raw_lines(self, bucket: str, key: str, *, missing_ok: bool = False) -> Iterator[Item]:
        body = self.object(bucket, key, missing_ok=missing_ok)
        return map(json.loads, gzip.decompress(body).splitlines())

    def write(self, items: list[Item]) -> None:
        """Put or delete up to 25 items; what DynamoDB leaves unprocessed is sent again."""
        self.pace.wait(len(items))
        self._until_processed(
            {self.table: [_write_request(item) for item in items]},
            lambda left: self.dynamodb.batch_write_item(RequestItems=left)["UnprocessedItems"],
        )

    def read(self, keys: list[str], attributes: str) -> dict[str, Item]:
        """Those of up to 100 keys that exist, strongly consistent, as DynamoDB writes them."""
        found: dict[str, Item] = {}
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


def _write_request(item: Item) -> dict[str, Any]:
    if is_removal(item):
        return {"DeleteRequest": {"Key": {"id": {"S": item["id"]}}}}
    return {"PutRequest": {"Item": to_dynamo(item)}}


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
