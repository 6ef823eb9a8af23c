"""The DynamoDB table as the lookup reads it: one list by key, names, and what is not for sale."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import botocore.session
from botocore.config import Config

from contracts import publications
from contracts.catalogue import unpack_codes
from contracts.lists import NOT_FOR_SALE_KEY, POPULAR_KEY, Served, catalogue_key, from_dynamo, from_plain
from contracts.publications import Publication

FRESH_S = 10.0  # how long a sold-out item may still be shown, and how often popular is read
TIMEOUT_S = 2.0  # a shop's page waits no longer
BATCH = 100  # BatchGetItem's limit


@dataclass
class Shelf:
    dynamodb: Any
    table: str
    clock: Callable[[], float] = time.monotonic
    _kept: dict[str, tuple[float, Any]] = field(default_factory=dict)

    @classmethod
    def connect(cls, table: str) -> "Shelf":
        brisk = Config(
            connect_timeout=TIMEOUT_S,
            read_timeout=TIMEOUT_S,
            retries={"mode": "standard", "total_max_attempts": 3},
            tcp_keepalive=True,
        )
        return cls(botocore.session.get_session().create_client("dynamodb", config=brisk), table)

    def served(self, key: str) -> Served | None:
        item = self._item(key)
        return from_plain(from_dynamo(item)) if item else None

    def popular(self) -> Served | None:
        served: Served | None = self._fresh(POPULAR_KEY, lambda: self.served(POPULAR_KEY))
        return served

    def not_for_sale(self) -> frozenset[str]:
        codes: frozenset[str] = self._fresh(NOT_FOR_SALE_KEY, self._not_for_sale)
        return codes

    def names(self, codes: Iterable[str]) -> dict[str, str]:
        """What the shop calls these codes; one it does not know is absent."""
        keys = [{"id": {"S": catalogue_key(code)}} for code in dict.fromkeys(codes)][:BATCH]
        if not keys:
            return {}
        request = {
            "Keys": keys,
            "ProjectionExpression": "id, #n",
            "ExpressionAttributeNames": {"#n": "name"},
        }
        answer = self.dynamodb.batch_get_item(RequestItems={self.table: request})
        found = map(from_dynamo, answer["Responses"].get(self.table, ()))
        return {item["id"].partition("#")[2]: item["name"] for item in found}

    def publication(self) -> Publication | None:
        return publications.read(self.dynamodb, self.table)

    def _not_for_sale(self) -> frozenset[str]:
        item = self._item(NOT_FOR_SALE_KEY)
        return unpack_codes(from_dynamo(item)["codes"]) if item else frozenset()

    def _item(self, key: str) -> dict[str, Any] | None:
        item: dict[str, Any] | None = self.dynamodb.get_item(
            TableName=self.table, Key={"id": {"S": key}}
        ).get("Item")
        return item

    def _fresh(self, key: str, read: Callable[[], Any]) -> Any:
        read_at, value = self._kept.get(key, (-FRESH_S, None))
        if self.clock() - read_at >= FRESH_S:
            value = read()
            self._kept[key] = (self.clock(), value)
        return value
