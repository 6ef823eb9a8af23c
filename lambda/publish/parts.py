"""One part of a publication into the table; with the last one the version goes live.

Only parts of the open publication are written. The close reads every key back, so that what a worker of
an earlier publication wrote late is mended; a worker that finds it wrote late itself mends that (late.py).
"""

import json

from contracts import publications
from contracts.publications import Publication, State
from contracts.s3_layout import Part, closed_key
from publish import late, readback
from publish.pen import PEN_BATCH, OvertakenError, Pen
from publish.store import Store, batches


def publish(store: Store, bucket: str, part: Part) -> str:
    """Write the part, mark it done, close the publication if it was the last; the answer is what happened."""
    known = publications.read(store.dynamodb, store.table)
    if known is None or (known.number, known.parts) != (part.number, part.count) or known.abandoned:
        return f"{part.key}: dropped, publication {part.number} is not the open one"
    if known.state == State.LIVE:
        # A message that came again; whoever closed may have been killed before its note.
        _note(store, bucket, known)
        return f"{part.key}: dropped, publication {part.number} is live already"
    pen = Pen(store, part.number)
    try:
        return f"{part.key}: {_publish(pen, bucket, part, known)}"
    except OvertakenError as error:
        mended = late.mend(store, bucket, part.number, pen.unproven)
        return f"{part.key}: stopped, {error}; {mended} items mended"


def close(pen: Pen, bucket: str, publication: Publication) -> str:
    """Read every key back, mend what differs, and put the version live. Raises OvertakenError."""
    store = pen.store
    wrong = readback.wrong(store, bucket, publication)
    mended = sum(pen.write(few) for few in batches(wrong, PEN_BATCH))
    if publications.close(store.dynamodb, store.table, publication.number, publication.version) is None:
        raise OvertakenError(f"publication {publication.number} was closed or abandoned meanwhile")
    _note(store, bucket, publication)
    return f"publication {publication.number} is live: {publication.version}, {mended} items mended"


def _publish(pen: Pen, bucket: str, part: Part, known: Publication) -> str:
    written = 0 if part.place in known.done else _write(pen, bucket, part)
    now = publications.mark_done(pen.store.dynamodb, pen.store.table, part.number, part.place)
    if now is None:
        raise OvertakenError(f"publication {part.number} is no longer the open one")
    pen.unproven.clear()
    return f"{written} items written" + (f"; {close(pen, bucket, now)}" if now.complete else "")


def _note(store: Store, bucket: str, publication: Publication) -> None:
    """What S3 says of what is live, after DynamoDB says it: an abandoned publication never gets one."""
    note = {"number": publication.number, "version": publication.version}
    store.s3.put_object(Bucket=bucket, Key=closed_key(publication.number), Body=json.dumps(note).encode())


def _write(pen: Pen, bucket: str, part: Part) -> int:
    return sum(pen.write(few) for few in batches(pen.store.lines(bucket, part.key), PEN_BATCH))
