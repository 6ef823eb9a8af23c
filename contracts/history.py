"""Which versions S3 holds, what each publication put live, and where a rollback goes.

`cadabra versions` and `rollback` read it, and the publication step before it clears away what is old.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from contracts.publications import Publication, State
from contracts.s3_layout import LISTS, PUBLICATIONS, Version, closed_key, opened_key

by_age = attrgetter("run")  # when each was begun, which is not the order in which they went live


@dataclass(frozen=True, slots=True)
class Note:
    """What S3 says of one publication."""

    number: int
    version: Version
    items: int | None  # how many it wrote or removed; None where it was noted before that was counted
    went_live: bool


class NothingBeforeError(LookupError):
    """There is no version to go back to; the message says why, and what to do."""


class WentBackError(NothingBeforeError):
    """The live version is what a rollback led to: run again, it stays."""


def versions(s3: Any, bucket: str) -> list[Version]:
    """Every version that has a folder, oldest first; one without a card is not whole."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=LISTS, Delimiter="/")
    folders = [found["Prefix"] for page in pages for found in page.get("CommonPrefixes", ())]
    return sorted(filter(None, map(_version_of, folders)), key=by_age)


def _version_of(folder: str) -> Version | None:
    """None for a folder that somebody else put there."""
    try:
        return Version.parse(folder[len(LISTS) :].strip("/"))
    except ValueError:
        return None


def notes(s3: Any, bucket: str) -> Iterator[Note]:
    """The publications that S3 has notes of, newest first; each is read when it is asked for."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=PUBLICATIONS)
    keys = {found["Key"] for page in pages for found in page.get("Contents", ())}
    for number in sorted(set(map(number_of, keys)), reverse=True):
        if opened_key(number) in keys:
            opened = json.loads(s3.get_object(Bucket=bucket, Key=opened_key(number))["Body"].read())
            version = Version.parse(opened["version"])
            yield Note(number, version, opened.get("items"), closed_key(number) in keys)


def number_of(key: str) -> int:
    """The publication that an object belongs to."""
    return int(key[len(PUBLICATIONS) :].partition("/")[0])


def version_before(known: Publication | None, noted: Iterable[Note], whole: Iterable[Version]) -> Version:
    """Where a rollback goes: the same however often it was begun, killed and begun again.

    A newer version on its way is taken back; a rollback on its way goes on; otherwise it is the newest of the
    older versions that were live. Raises NothingBeforeError.
    """
    if known is None or not known.live_version:
        raise NothingBeforeError("no version is live yet: there is nothing to go back from")
    live, last = Version.parse(known.live_version), Version.parse(known.version)
    notes = list(noted)
    first = {live: known.live_number, last: known.number} | first_published(notes)
    if known.state != State.LIVE and first[last] > first[live]:
        return live
    if known.state == State.OPEN:
        return last
    return _once_live_before(live, known.live_number, notes, first, set(whole))


def first_published(noted: Iterable[Note]) -> dict[Version, int]:
    """The publication by which each version came first: from a newer one, a later one of it is a rollback.

    Run numbers do not tell: a study's is the time it began, and an hourly run may go live before it.
    """
    first: dict[Version, int] = {}
    for note in noted:
        first[note.version] = min(note.number, first.get(note.version, note.number))
    return first


def _once_live_before(
    live: Version, number: int, noted: Iterable[Note], first: dict[Version, int], whole: set[Version]
) -> Version:
    for note in noted:
        if note.number >= number or note.version == live:
            continue
        if first[note.version] > first[live]:
            raise WentBackError(
                f"{live} is what the shop went back to, from {note.version}: it stays. To go back further, "
                "or forward again, name the version: `cadabra publish VERSION`"
            )
        if note.went_live and note.version in whole:
            return note.version
    raise NothingBeforeError(f"no version before {live} was live and is still stored: `cadabra versions`")
