"""What a worker wrote when its publication was over already: mended at once, by the worker itself.

What belongs under a key is what the newest publication says that names it: a publication names every key on
which it differs from what was live, and every key of those that were abandoned before it. A key that no later
one names stands right with what the worker wrote; if the worker's own publication was abandoned, the next one
will name it.
"""

import json

from contracts import publications
from contracts.publications import Publication
from contracts.s3_layout import Part, opened_key
from publish.store import WRITE_BATCH, Item, Store, batches


def mend(store: Store, bucket: str, number: int, written: list[Item]) -> int:
    """Write over what `written` left of publication `number`; the answer is how many items that were."""
    keys = {item["id"] for item in written}
    known = publications.read(store.dynamodb, store.table)
    while keys and known and known.number > number:
        right = _named_since(store, bucket, number, known, keys)
        for few in batches(right, WRITE_BATCH):
            store.write(few)
        now = publications.read(store.dynamodb, store.table)
        if now is None or now.number == known.number:
            return len(right)
        known = now  # another one began meanwhile: this may have written over it
    return 0


def _named_since(store: Store, bucket: str, number: int, known: Publication, keys: set[str]) -> list[Item]:
    """For each of the keys what the newest publication after `number` says of it."""
    found: dict[str, Item] = {}
    for later in range(known.number, number, -1):
        for part in _parts(store, bucket, later):
            for item in store.lines(bucket, part.key, missing_ok=True):
                if item["id"] in keys - found.keys():
                    found[item["id"]] = item
    return list(found.values())


def _parts(store: Store, bucket: str, number: int) -> list[Part]:
    """Those of a publication; none for a number that was never used, or cleared away."""
    note = store.object(bucket, opened_key(number), missing_ok=True)
    count = json.loads(note)["parts"] if note else 0
    return [Part(number, place, count) for place in range(1, count + 1)]
