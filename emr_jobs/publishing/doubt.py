"""Keys of the table that may not stand as the live version has them: plan.py adds them to the difference.

Two ways lead there: a publication that never went live may have written any of its keys; and a worker that
slept between its check and its write may have written over what a later publication had put there. The worker
mends that itself (lambda/publish/late.py); what it could not, because it was killed, is found here.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.lists import holds_lists
from contracts.s3_layout import PUBLICATIONS, Part, publication_prefix
from emr_jobs.shop import Shop

LONGEST_WORKER = timedelta(minutes=15)  # no Lambda lives longer: none writes later than this
_LOOKED_BACK = 50  # publications; more are not begun within the life of a worker
_READ_BATCH = 100  # BatchGetItem's limit
_READERS = 4


class ThrottledError(RuntimeError):
    """DynamoDB left keys unread however often they were asked for."""


def doubtful(shop: Shop, live_number: int, but: int = 0) -> set[str]:
    """The keys to write or remove though both versions agree on them; `but` is the publication to be made."""
    return touched_since(shop, live_number, but) | written_late(shop, live_number)


def all_served(shop: Shop) -> set[str]:
    """Every key with lists that the table has: what the live version wrote cannot be told."""
    pages = shop.dynamodb.get_paginator("scan").paginate(
        TableName=shop.table, ConsistentRead=True, ProjectionExpression="id"
    )
    return {item["id"]["S"] for page in pages for item in page["Items"] if holds_lists(item["id"]["S"])}


def touched_since(shop: Shop, number: int, but: int = 0) -> set[str]:
    """Every key named in a publication after `number`, but for `but`: who knows whether it was written."""
    parts = (part for part, _ in _parts(shop, number) if part.number != but)
    return {line["id"] for part in parts for line in shop.lines(part.key)}


def written_late(shop: Shop, live_number: int) -> set[str]:
    """Keys that the live publication, or one of these minutes, wrote, and that stand otherwise now."""
    wanted: dict[str, str | None] = {}  # None: removed
    for part in sorted(_recent(shop, live_number)):
        wanted.update((line["id"], line.get("version")) for line in shop.lines(part.key))
    found = _versions(shop, list(wanted))
    return {key for key, version in wanted.items() if found.get(key) != version}


def _recent(shop: Shop, live_number: int) -> Iterator[Part]:
    """The parts whose workers may still have been at work when the live publication closed."""
    oldest = datetime.now(UTC) - LONGEST_WORKER
    for part, written in _parts(shop, max(0, live_number - _LOOKED_BACK)):
        if part.number == live_number or (part.number < live_number and written > oldest):
            yield part


def _versions(shop: Shop, keys: list[str]) -> dict[str, str]:
    """The version that stands under each key, where there is one."""
    few = [keys[first : first + _READ_BATCH] for first in range(0, len(keys), _READ_BATCH)]
    with ThreadPoolExecutor(_READERS) as readers:
        answers = readers.map(lambda batch: _read(shop, batch), few)
        return {key: version for answer in answers for key, version in answer.items()}


def _read(shop: Shop, keys: list[str]) -> dict[str, str]:
    wish: dict[str, Any] = {
        "Keys": [{"id": {"S": key}} for key in keys],
        "ConsistentRead": True,
        "ProjectionExpression": "id, version",
    }
    left, found = {shop.table: wish}, {}
    for _ in range(_READ_BATCH):  # DynamoDB answers at least one key, or says that it is throttled
        answer = shop.dynamodb.batch_get_item(RequestItems=left)
        found.update({item["id"]["S"]: item["version"]["S"] for item in answer["Responses"][shop.table]})
        left = answer["UnprocessedKeys"]
        if not left:
            return found
    raise ThrottledError(f"table {shop.table} left keys unread {_READ_BATCH} times; raise its capacity")


def _parts(shop: Shop, after: int) -> Iterator[tuple[Part, datetime]]:
    """The parts of every publication with a higher number, and when each was written."""
    for found in shop.listed(PUBLICATIONS, publication_prefix(after + 1)):
        if part := Part.parse(found["Key"]):
            yield part, found["LastModified"]
