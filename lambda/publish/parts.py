"""One part of a publication into the table; with the last one the version goes live.

Only parts of the open publication are written. A key written late by a worker that was paused is found when
the publication closes, because the close reads every key back.
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


def publish(store: Store, bucket: str, part: Part) -> str:
    """Write the part, mark it done, close the publication if it was the last; the answer is what happened."""
    known = _open(store, part.number)
    if known is None:
        return f"{part.key}: dropped, publication {part.number} is not the open one"
    written = 0
    if part.place not in known.done:
        for batch in batches(read(store, bucket, part), WRITE_BATCH):
            if _open(store, part.number) is None:
                return f"{part.key}: stopped after {written} items, its publication is no longer open"
            store.write(batch)
            written += len(batch)
    now = publications.mark_done(store.dynamodb, store.table, part.number, part.place)
    if now is None or not now.complete:
        return f"{part.key}: {written} items written"
    return f"{part.key}: {written} items written; {close(store, bucket, now)}"


def close(store: Store, bucket: str, publication: Publication) -> str:
    """Read every key back, mend what differs, and put the version live."""
    mended = sum(
        verify(store, read(store, bucket, Part(publication.number, place, publication.parts)))
        for place in range(1, publication.parts + 1)
    )
    note = {"number": publication.number, "version": publication.version, "mended": mended}
    store.s3.put_object(Bucket=bucket, Key=closed_key(publication.number), Body=json.dumps(note).encode())
    publications.close(store.dynamodb, store.table, publication.number, publication.version)
    return f"publication {publication.number} is live: {publication.version}, {mended} items mended"


def verify(store: Store, plains: Iterator[dict[str, Any]]) -> int:
    """How many of these items were not in the table as they should be; they are now."""
    mended = 0
    for batch in batches(plains, READ_BATCH):
        found = store.read([plain["id"] for plain in batch], "version")
        wrong = [plain for plain in batch if not _stands(plain, found.get(plain["id"]))]
        for few in batches(wrong, WRITE_BATCH):
            store.write(few)
        mended += len(wrong)
    return mended


def read(store: Store, bucket: str, part: Part) -> Iterator[dict[str, Any]]:
    return map(json.loads, gzip.decompress(store.object(bucket, part.key)).splitlines())


def _stands(plain: dict[str, Any], found: dict[str, Any] | None) -> bool:
    if is_removal(plain) or found is None:
        return is_removal(plain) and found is None
    return bool(found["version"]["S"] == plain["version"])


def _open(store: Store, number: int) -> Publication | None:
    known = publications.read(store.dynamodb, store.table)
    return known if known and known.number == number and known.state == State.OPEN else None
