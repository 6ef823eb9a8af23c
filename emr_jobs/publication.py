"""Puts a version live: opens a publication, writes its parts to S3, waits until the publisher has closed it.

retrain calls it; `python -m emr_jobs.publication` puts any exported version live, without Spark. Killed
anywhere, it ends right when run again.
"""

import argparse
import gzip
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from contracts import publications
from contracts.publications import Publication, PublicationOpenError, State
from contracts.s3_layout import PUBLICATIONS, Part, Version, opened_key, publication_prefix
from emr_jobs import export

PART_ITEMS = 1_000  # the publisher writes so many well within its time
PART_BYTES = 1_000_000  # of JSON
WAIT_SECONDS = 900.0  # 100,000 changed items at the slowest table's rate, and some
_POLL_SECONDS = 0.2
_REPORT_SECONDS = 5.0

Report = Callable[[str], None]


class PublicationLateError(RuntimeError):
    """The publisher did not finish in time; the publication stays open."""


class PublicationOvertakenError(RuntimeError):
    """Another publication began while this one waited."""


@dataclass(frozen=True, slots=True)
class Shop:
    """Where versions and publications live."""

    s3: Any
    dynamodb: Any
    bucket: str
    table: str


def publish(shop: Shop, version: Version, *, full: bool, deadline: float, report: Report) -> Publication:
    """Put `version` live; with `full`, every item is written and not only what differs from what is live."""
    number, parts = _continued(shop, version) or _begun(shop, version, full=full)
    items = sum(part.count(b"\n") for part in parts)
    report(f"publication {number}: {items:,} items differ, in {len(parts)} parts")
    _write_parts(shop, number, parts)
    return wait(shop, number, deadline, report)


def wait(shop: Shop, number: int, deadline: float, report: Report) -> Publication:
    """Until publication `number` is live; `deadline` is a time of time.monotonic()."""
    reported = time.monotonic()
    while True:
        state = publications.read(shop.dynamodb, shop.table)
        if state is None or state.number != number or state.state == State.ABANDONED:
            other = f"publication {state.number}" if state else "an emptied table"
            raise PublicationOvertakenError(
                f"publication {number} was overtaken by {other}: nothing more of it is written"
            )
        if state.state == State.LIVE:
            return state
        now = time.monotonic()
        if now >= deadline:
            raise PublicationLateError(
                f"publication {number}: only {len(state.done)} of {state.parts} parts are in. See the "
                f"publish function's log and dead-letter queue; publish {state.version} again: it goes on"
            )
        if now - reported >= _REPORT_SECONDS:
            report(f"publication {number}: {len(state.done)} of {state.parts} parts are in")
            reported = now
        time.sleep(_POLL_SECONDS)


def touched_since(shop: Shop, number: int, but: int = 0) -> set[str]:
    """Every key named in a publication after `number`, but for `but`: who knows whether it was written."""
    keys: set[str] = set()
    for found in _objects(shop, number):
        part = Part.parse(found)
        if part and part.number != but:
            lines = gzip.decompress(_object(shop, found)).splitlines()
            keys.update(json.loads(line)["id"] for line in lines)
    return keys


def _continued(shop: Shop, version: Version) -> tuple[int, list[bytes]] | None:
    """The open publication of this very version with its parts; any other open one is abandoned."""
    found = publications.read(shop.dynamodb, shop.table)
    if found is None or found.state != State.OPEN:
        return None
    if found.version == str(version):
        opened = json.loads(_object(shop, opened_key(found.number)))
        parts = _planned(shop, version, found, full=opened["full"], but=found.number)
        if _digest(parts) == opened["digest"]:
            return found.number, parts
    publications.abandon(shop.dynamodb, shop.table, found.number)
    return None


def _begun(shop: Shop, version: Version, *, full: bool) -> tuple[int, list[bytes]]:
    """A new publication, first noted in S3, where its number stays used whatever happens to the table."""
    found = publications.read(shop.dynamodb, shop.table)
    parts = _planned(shop, version, found, full=full)
    after = found.live_number if found else 0
    used = [int(key[len(PUBLICATIONS) :].partition("/")[0]) for key in _objects(shop, after)]
    number = max([found.number if found else 0, *used]) + 1
    opened = {"version": str(version), "parts": len(parts), "full": full, "digest": _digest(parts)}
    try:
        shop.s3.put_object(
            Bucket=shop.bucket, Key=opened_key(number), Body=json.dumps(opened).encode(), IfNoneMatch="*"
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "PreconditionFailed":
            raise
        raise PublicationOvertakenError(f"publication {number} was begun by someone else just now") from error
    publications.open_(shop.dynamodb, shop.table, number, str(version), len(parts))
    opened_on = publications.read(shop.dynamodb, shop.table)
    if opened_on and found and opened_on.live_number != found.live_number:
        publications.abandon(shop.dynamodb, shop.table, number)
        raise PublicationOvertakenError(
            f"publication {opened_on.live_number} went live while {number} was being prepared: run again"
        )
    return number, parts


def _planned(
    shop: Shop, version: Version, found: Publication | None, *, full: bool, but: int = 0
) -> list[bytes]:
    """The parts that turn what is served into `version`."""
    new = export.read(shop.s3, shop.bucket, version)
    live = export.empty()
    if found and found.live_version:
        live = export.read(shop.s3, shop.bucket, Version.parse(found.live_version))
    doubtful = touched_since(shop, found.live_number if found else 0, but)
    if full:
        doubtful |= set(new["key"].to_pylist())
    changed, removed = export.difference(new, live, doubtful)
    return list(_parts(map(_line, export.plain(changed, removed, version))))


def _line(plain: dict[str, Any]) -> bytes:
    return json.dumps(plain, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _parts(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The lines in pieces of bounded length; at least one, if empty."""
    part: list[bytes] = []
    size, made = 0, 0
    for line in lines:
        if part and (len(part) == PART_ITEMS or size + len(line) > PART_BYTES):
            yield b"".join(part)
            part, size, made = [], 0, made + 1
        part.append(line)
        size += len(line)
    if part or not made:
        yield b"".join(part)


def _write_parts(shop: Shop, number: int, parts: list[bytes]) -> None:
    """Those that are not in, and the last one always: it is what the publisher closes on."""
    state = publications.read(shop.dynamodb, shop.table)
    done = state.done if state and state.number == number else frozenset()
    for place, part in enumerate(parts, start=1):
        if place not in done or place == len(parts):
            key = Part(number, place, len(parts)).key
            shop.s3.put_object(Bucket=shop.bucket, Key=key, Body=gzip.compress(part, mtime=0))


def _digest(parts: list[bytes]) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _object(shop: Shop, key: str) -> bytes:
    return bytes(shop.s3.get_object(Bucket=shop.bucket, Key=key)["Body"].read())


def _objects(shop: Shop, after: int) -> Iterator[str]:
    """The keys of every publication with a higher number."""
    pages = shop.s3.get_paginator("list_objects_v2").paginate(
        Bucket=shop.bucket, Prefix=PUBLICATIONS, StartAfter=publication_prefix(after + 1)
    )
    for page in pages:
        yield from (found["Key"] for found in page.get("Contents", ()))


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    shop = Shop(boto3.client("s3"), boto3.client("dynamodb"), options.bucket, options.table)
    deadline = time.monotonic() + options.wait
    try:
        live = publish(shop, options.version, full=options.full, deadline=deadline, report=_say)
    except FAILURES as error:
        print(f"publication: {error}", file=sys.stderr)
        return 1
    _say(f"{live.live_version} is live as publication {live.live_number}")
    return 0


# What a caller can only tell its user.
FAILURES = (
    PublicationLateError,
    PublicationOvertakenError,
    PublicationOpenError,
    export.ExportMissingError,
    ClientError,
    BotoCoreError,
)


def _say(text: str) -> None:
    print(f"publication: {text}", flush=True)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="publication", description="Put an exported version live, without Spark."
    )
    parser.add_argument("--bucket", required=True, help="the bucket of the lists and the publications")
    parser.add_argument("--table", required=True, help="the DynamoDB table that is served")
    parser.add_argument("--version", required=True, type=_version, help="as 20261120T110000Z-1795173509")
    parser.add_argument(
        "--full", action="store_true", help="write every item, not only what differs from the live version"
    )
    parser.add_argument(
        "--wait", type=float, default=WAIT_SECONDS, help="seconds until it must be live (%(default).0f)"
    )
    return parser.parse_args(arguments)


def _version(text: str) -> Version:
    try:
        return Version.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


if __name__ == "__main__":
    sys.exit(main())
