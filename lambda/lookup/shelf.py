"""The DynamoDB table as the lookup reads it: lists by key, names, and what every answer needs.

The latter is kept for ten seconds; and longer, while the table cannot be read.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from contracts import publications
from contracts.catalogue import unpack_codes
from contracts.lists import NOT_FOR_SALE_KEY, POPULAR_KEY, Served, catalogue_key, from_dynamo, from_plain
from contracts.publications import PUBLICATION_KEY

FRESH_S = 10.0  # how long a sold-out item may still be shown
NAMES_FRESH_S = 300.0
TIMEOUT_S = 1.0  # a shop's page waits no longer
TRIES = 5
BATCH = 100  # BatchGetItem's limit
_LIVE_KEY = PUBLICATION_KEY["id"]["S"]


class UnavailableError(RuntimeError):
    """The table cannot be read now."""


@dataclass(frozen=True, slots=True)
class Common:
    """What every answer needs."""

    popular: Served | None
    packed_unsold: str
    unsold: frozenset[str]  # the codes that are not for sale
    live_version: str  # empty before the first


@dataclass
class Shelf:
    dynamodb: Any
    table: str
    clock: Callable[[], float] = time.monotonic
    _common: Common | None = None
    _common_read: float = 0.0
    _names: dict[str, str] = field(default_factory=dict)
    _names_since: float = float("-inf")

    @classmethod
    def connect(cls, table: str) -> "Shelf":
        brisk = Config(
            connect_timeout=TIMEOUT_S,
            read_timeout=TIMEOUT_S,
            # This mode waits 50 ms before DynamoDB is asked again; `standard` half a second.
            retries={"mode": "legacy", "total_max_attempts": TRIES},
            tcp_keepalive=True,
            parameter_validation=False,
        )
        return cls(botocore.session.get_session().create_client("dynamodb", config=brisk), table)

    def served(self, keys: Iterable[str]) -> dict[str, Served]:
        """What stands under up to a hundred keys. Raises UnavailableError."""
        return {key: from_plain(from_dynamo(item)) for key, item in self._items(keys).items()}

    def common(self) -> Common:
        """Read within ten seconds; older only while it cannot be read. Raises UnavailableError."""
        if self._common is None or self.clock() - self._common_read >= FRESH_S:
            try:
                self._common = self._read_common()
            except UnavailableError:
                if self._common is None:
                    raise
            self._common_read = self.clock()
        return self._common

    def names(self, codes: Iterable[str]) -> dict[str, str]:
        """What the shop calls these codes; empty for one it does not know. Raises UnavailableError."""
        if self.clock() - self._names_since > NAMES_FRESH_S:
            self._names, self._names_since = {}, self.clock()
        unknown = iter(sorted(set(codes) - self._names.keys()))
        while few := list(islice(unknown, BATCH)):
            found = self._items(map(catalogue_key, few), {"#i": "id", "#n": "name"})
            told = {key.partition("#")[2]: item["name"]["S"] for key, item in found.items()}
            self._names |= dict.fromkeys(few, "") | told
        return self._names

    def _read_common(self) -> Common:
        found = self._items([POPULAR_KEY, NOT_FOR_SALE_KEY, _LIVE_KEY])
        popular, live = found.get(POPULAR_KEY), found.get(_LIVE_KEY)
        packed = found[NOT_FOR_SALE_KEY]["codes"]["S"] if NOT_FOR_SALE_KEY in found else ""
        if self._common and self._common.packed_unsold == packed:
            unsold = self._common.unsold  # 50,000 codes take milliseconds
        else:
            unsold = unpack_codes(packed) if packed else frozenset()
        return Common(
            popular=from_plain(from_dynamo(popular)) if popular else None,
            packed_unsold=packed,
            unsold=unsold,
            live_version=publications.from_item(live).live_version if live else "",
        )

    def _items(
        self, keys: Iterable[str], attributes: dict[str, str] | None = None
    ) -> dict[str, dict[str, Any]]:
        """Those of up to a hundred keys that exist, whole or with some attributes only."""
        wish: dict[str, Any] = {"Keys": [{"id": {"S": key}} for key in keys]}
        if attributes:
            wish |= {"ProjectionExpression": ", ".join(attributes), "ExpressionAttributeNames": attributes}
        left, found = {self.table: wish}, []
        for _ in range(TRIES):
            answer = _asked(partial(self.dynamodb.batch_get_item, RequestItems=left))
            found += answer["Responses"].get(self.table, [])
            left = answer["UnprocessedKeys"]
            if not left:
                return {item["id"]["S"]: item for item in found}
        raise UnavailableError(f"table {self.table} left keys unread {TRIES} times")


def _asked(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except (ClientError, BotoCoreError) as error:
        raise UnavailableError(f"{type(error).__name__}: {error}") from error
