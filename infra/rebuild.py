"""Everything that is not S3, from S3: the stack, the catalog's entries, the publication's state, the lists.

`cadabra up` calls it when the local AWS was killed; `cadabra rebuild` on any target.
"""

import json
from collections.abc import Callable

from contracts import publications
from contracts.s3_layout import CATALOGUE, PUBLICATIONS, Version, closed_key
from infra.clients import client
from infra.lake import tables
from infra.lists.put_live import put_live
from infra.stack import Stack

Say = Callable[[str], None]


def rebuild(stack: Stack, say: Say) -> None:
    """Run after deploy. What is there already stays; run again, it changes nothing."""
    if entered := tables.register(stack.bucket):
        say(f"tables entered into the catalog again: {', '.join(entered)}")
    _restore_catalogue(stack, say)
    _restore_lists(stack, say)


def _restore_catalogue(stack: Stack, say: Say) -> None:
    """Put onto itself, the catalogue's object tells the publisher again."""
    s3 = client("s3")
    try:
        body = s3.get_object(Bucket=stack.bucket, Key=CATALOGUE)["Body"].read()
    except s3.exceptions.NoSuchKey:
        return
    s3.put_object(Bucket=stack.bucket, Key=CATALOGUE, Body=body)
    say("the catalogue is published again")


def _restore_lists(stack: Stack, say: Say) -> None:
    """All lists of the live version, whether the table lost them or not: killed here, it is done again."""
    dynamodb = client("dynamodb")
    if publications.read(dynamodb, stack.table) is None:
        highest, live = _numbers(stack.bucket)
        if highest:
            publications.restore(dynamodb, stack.table, highest, live, _version(stack.bucket, live))
    known = publications.read(dynamodb, stack.table)
    if known is None or not known.live_version:
        return
    say(f"publishing {known.live_version} again, all of it")
    put_live(stack, Version.parse(known.live_version), full=True)


def _numbers(bucket: str) -> tuple[int, int]:
    """The highest publication S3 knows of, and the highest that was closed; 0 where there is none."""
    pages = client("s3").get_paginator("list_objects_v2")
    opened, closed = 0, 0
    for page in pages.paginate(Bucket=bucket, Prefix=PUBLICATIONS):
        for item in page.get("Contents", ()):
            _, number, name = item["Key"].split("/", 2)
            opened = max(opened, int(number))
            closed = max(closed, int(number)) if name == "closed.json" else closed
    return opened, closed


def _version(bucket: str, number: int) -> str:
    """What publication `number` put live; empty for 0, which is none."""
    if not number:
        return ""
    body = client("s3").get_object(Bucket=bucket, Key=closed_key(number))["Body"].read()
    return str(json.loads(body)["version"])
