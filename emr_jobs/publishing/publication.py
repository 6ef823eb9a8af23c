"""Puts a version live: opens a publication, writes its parts to S3, waits until the publisher has closed it.

retrain calls it; `python -m emr_jobs.publishing.publication` puts any exported version live, without Spark.
Killed anywhere, it ends right when run again.
"""

import argparse
import gzip
import json
import sys
import time
from collections.abc import Callable

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from contracts import publications
from contracts.history import number_of
from contracts.publications import Publication, PublicationOpenError, State
from contracts.s3_layout import PUBLICATIONS, Part, Version, opened_key, publication_prefix
from emr_jobs.lists import export
from emr_jobs.publishing import doubt, retention
from emr_jobs.publishing.plan import Plan, plan
from emr_jobs.shop import Shop as Shop  # noqa: PLC0414 (whoever publishes says so in these terms)

WAIT_SECONDS = 900.0  # 100,000 changed items at the slowest table's rate, and some
_POLL_SECONDS = 0.2
_REPORT_SECONDS = 5.0
_INTERRUPTED = 130  # what a shell says of a program that Ctrl-C ended

Report = Callable[[str], None]


class PublicationLateError(RuntimeError):
    """The publisher did not finish in time; the publication stays open."""


class PublicationOvertakenError(RuntimeError):
    """Another publication began while this one waited."""


def publish(shop: Shop, version: Version, *, full: bool, deadline: float, report: Report) -> Publication:
    """Put `version` live; with `full`, every item is written and not only what differs from what is live."""
    number, planned = _continued(shop, version, report) or _begun(shop, version, full=full)
    if planned.unread:
        report(f"the live version's lists cannot be compared, every item is written: {planned.unread}")
    report(f"publication {number}: {planned.items:,} items differ, in {len(planned.parts)} parts")
    _write_parts(shop, number, planned.parts)
    live = wait(shop, number, deadline, report)
    _clear(shop, live, report)
    return live


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


def _continued(shop: Shop, version: Version, report: Report) -> tuple[int, Plan] | None:
    """The open publication of this very version with its parts; any other open one is abandoned."""
    found = publications.read(shop.dynamodb, shop.table)
    if found is None or found.state != State.OPEN:
        return None
    if found.version == str(version):
        opened = json.loads(shop.object(opened_key(found.number)))
        planned = plan(shop, version, found, full=opened["full"], but=found.number)
        if planned.digest == opened["digest"]:
            return found.number, planned
    report(f"publication {found.number} of {found.version} was on its way: it is abandoned")
    publications.abandon(shop.dynamodb, shop.table, found.number)
    return None


def _begun(shop: Shop, version: Version, *, full: bool) -> tuple[int, Plan]:
    """A new publication, first noted in S3, where its number stays used whatever happens to the table."""
    found = publications.read(shop.dynamodb, shop.table)
    planned = plan(shop, version, found, full=full)
    number = max([found.number if found else 0, *_used(shop, found.live_number if found else 0)]) + 1
    _note(shop, number, version, planned, full=full)
    publications.open_(shop.dynamodb, shop.table, number, str(version), len(planned.parts))
    opened_on = publications.read(shop.dynamodb, shop.table)
    if opened_on and found and opened_on.live_number != found.live_number:
        publications.abandon(shop.dynamodb, shop.table, number)
        raise PublicationOvertakenError(
            f"publication {opened_on.live_number} went live while {number} was being prepared: run again"
        )
    return number, planned


def _used(shop: Shop, after: int) -> set[int]:
    """The numbers of publications after the live one that S3 knows of."""
    return {number_of(found["Key"]) for found in shop.listed(PUBLICATIONS, publication_prefix(after + 1))}


def _note(shop: Shop, number: int, version: Version, planned: Plan, *, full: bool) -> None:
    note = {
        "version": str(version),
        "parts": len(planned.parts),
        "items": planned.items,
        "full": full,
        "digest": planned.digest,
    }
    try:
        shop.s3.put_object(
            Bucket=shop.bucket, Key=opened_key(number), Body=json.dumps(note).encode(), IfNoneMatch="*"
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "PreconditionFailed":
            raise
        raise PublicationOvertakenError(f"publication {number} was begun by someone else just now") from error


def _write_parts(shop: Shop, number: int, parts: tuple[bytes, ...]) -> None:
    """Those that are not in, and the last one always: it is what the publisher closes on."""
    state = publications.read(shop.dynamodb, shop.table)
    done = state.done if state and state.number == number else frozenset()
    for place, part in enumerate(parts, start=1):
        if place not in done or place == len(parts):
            key = Part(number, place, len(parts)).key
            shop.s3.put_object(Bucket=shop.bucket, Key=key, Body=gzip.compress(part, mtime=0))


def _clear(shop: Shop, live: Publication, report: Report) -> None:
    """The version is live whether or not the old ones could be deleted: the next publication tries again."""
    try:
        retention.clear(shop, live, report)
    except (ClientError, BotoCoreError) as error:
        report(f"old versions could not be deleted: {error}")


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    shop = Shop(boto3.client("s3"), boto3.client("dynamodb"), options.bucket, options.table)
    deadline = time.monotonic() + options.wait
    try:
        live = publish(shop, options.version, full=options.full, deadline=deadline, report=_say)
    except FAILURES as error:
        print(f"publication: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("publication: interrupted. Run it again: it goes on where it was", file=sys.stderr)
        return _INTERRUPTED
    _say(f"{live.live_version} is live as publication {live.live_number}")
    return 0


# What a caller can only tell its user.
FAILURES = (
    PublicationLateError,
    PublicationOvertakenError,
    PublicationOpenError,
    export.ExportMissingError,
    doubt.ThrottledError,
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
