"""The publisher's entry: the queue's messages say which objects of the bucket are new.

A message that fails is handed back to the queue alone; the others of its batch are done.
"""

import functools
import json
import os
import sys
import urllib.parse
from collections.abc import Iterator
from typing import Any

from contracts import s3_layout
from publish import catalogue, parts
from publish.store import Store


def handle(event: dict[str, Any], _context: object = None) -> dict[str, Any]:
    messages = event.get("Records") or ()
    failed = [message["messageId"] for message in messages if not _done(message)]
    return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}


def _done(message: dict[str, Any]) -> bool:
    """False where the queue shall try again; after five times it keeps the message aside."""
    try:
        for bucket, key in new_objects(message["body"]):
            _say(publish(_store(), bucket, key))
    except Exception as error:  # noqa: BLE001 (whatever it was, it is said, and the queue tries again)
        _say(f"message {message['messageId']} failed: {type(error).__name__}: {error}")
        return False
    return True


def new_objects(body: str) -> Iterator[tuple[str, str]]:
    """Bucket and key of each object an S3 notification names; its test event names none."""
    for record in json.loads(body).get("Records", ()):
        place = record["s3"]
        yield place["bucket"]["name"], urllib.parse.unquote_plus(place["object"]["key"])


def publish(store: Store, bucket: str, key: str) -> str:
    """Do what the object is there for; the answer is what to log."""
    if key == s3_layout.CATALOGUE:
        return catalogue.publish(store, bucket)
    if part := s3_layout.Part.parse(key):
        return parts.publish(store, bucket, part)
    return f"{key}: nothing to publish"


@functools.cache
def _store() -> Store:
    return Store.connect(os.environ["TABLE"])


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
