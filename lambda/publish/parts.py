"""One part of a publication into the table; with the last one the version goes live.

Only parts of the open publication are written. The close reads every key back, so that what a worker of
an earlier publication wrote late is mended. Before each write it is asked whether this publication is still
the open one; a write by a worker that sleeps between question and write until after the close is not seen.
"""

import gzip
import json
from collections.abc import Iterator
from typing import Any

from contracts import publications
from contracts.lists import is_removal
from contracts.publications import Publication, State
from contracts.s3_layout import Part, closed_key
from publish.store import READ_BATCH, WRITE_BATCH, Store, batches


class OvertakenError(RuntimeError):
    """The publication is no longer the open one: nothing more of it is written."""


def publish(store: Store, bucket: str, part: Part) -> str:
    """Write the part, mark it done, close the publication if it was the last; the answer is what happened."""
    known = publications.read(store.dynamodb, store.table)
    if known is None or known.number != part.number or known.state == State.ABANDONED:
        return f"{part.key}: dropped, publication {part.number} is not the open one"
    if (
        known.state == State.LIVE
    ):  # a message that came again; whoever closed may have been killed before its note
        _note(store, bucket, known)
        return f"{part.key}: dropped, publication {part.number} is live already"
    try:
        written = 0 if part.place in known.done else _write(store, bucket, part)
        now = publications.mark_done(store.dynamodb, store.table, part.number, part.place)
        if now is None or not now.complete:
            return f"{part.key}: {written} items written"
        return f"{part.key}: {written} items written; {close(store, bucket, now)}"
    except OvertakenError as error:
        return f"{part.key}: stopped, {error}"


def close(store: Store, bucket: str, publication: Publication) -> str:
    """Read every key back, mend what differs, and put the version live. Raises OvertakenError."""
    mended = sum(
        _mend(store, bucket, Part(publication.number, place, publication.parts))
        for place in range(1, publication.parts + 1)
    )
    if publications.close(store.dynamodb, store.table, publication.number, publication.version) is None:
        raise OvertakenError(f"publication {publication.number} was closed or abandoned meanwhile")
    _note(store, bucket, publication)
    return f"publication {publication.number} is live: {publication.version}, {mended} items mended"


def _note(store: Store, bucket: str, publication: Publication) -> None:
    """What S3 says of what is live, after DynamoDB says it: an abandoned publication never gets one."""
    note = {"number": publication.number, "version": publication.version}
    store.s3.put_object(Bucket=bucket, Key=closed_key(publication.number), Body=json.dumps(note).encode())


def _write(store: Store, bucket: str, part: Part) -> int:
    return sum(
        _write_if_open(store, part.number, few) for few in batches(read(store, bucket, part), WRITE_BATCH)
    )


def _mend(store: Store, bucket: str, part: Part) -> int:
    """How many items of this part were not in the table as they should be; they are now."""
    mended = 0
    for batch in batches(read(store, bucket, part), READ_BATCH):
        found = store.read([plain["id"] for plain in batch], "version")
        wrong = [plain for plain in batch if not _stands(plain, found.get(plain["id"]))]
        mended += sum(_write_if_open(store, part.number, few) for few in batches(wrong, WRITE_BATCH))
    return mended


def _write_if_open(store: Store, number: int, plains: list[dict[str, Any]]) -> int:
    known = publications.read(store.dynamodb, store.table)
    if known is None or known.number != number or known.state != State.OPEN:
        raise OvertakenError(f"publication {number} is no longer the open one")
    store.write(plains)
    return len(plains)


def read(store: Store, bucket: str, part: Part) -> Iterator[dict[str, Any]]:
    return map(json.loads, gzip.decompress(store.object(bucket, part.key)).splitlines())


def _stands(plain: dict[str, Any], found: dict[str, Any] | None) -> bool:
    if is_removal(plain) or found is None:
        return is_removal(plain) and found is None
    return bool(found["version"]["S"] == plain["version"])
