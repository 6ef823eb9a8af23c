"""Every key of a publication read back before it goes live: which items do not stand in the table as said.

The parts are read some at a time, for a close has to be done within the function's time. What is right is
compared with one list of the erased; what is written again has been held against the newest.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from contracts import erasure
from contracts.erasure import Suppression
from contracts.lists import is_removal
from contracts.publications import Publication
from contracts.s3_layout import Part
from publish.store import READ_BATCH, Item, Store, batches
from publish.suppressed import obeyed

READERS = 8  # parts read at once; a client of botocore keeps ten connections
PARTS_AT_ONCE = 4 * READERS  # their items are held at the most, should all of them be wrong


def wrong(store: Store, bucket: str, publication: Publication) -> Iterator[Item]:
    """The items to write again, in the order of the parts."""
    erased = erasure.suppression(store.s3, bucket)
    parts = (Part(publication.number, place, publication.parts) for place in range(1, publication.parts + 1))
    with ThreadPoolExecutor(READERS) as readers:
        for some in batches(parts, PARTS_AT_ONCE):
            read = readers.map(lambda part: _wrong(store, bucket, part, erased), some)
            if found := [item for items in read for item in items]:
                yield from obeyed(erasure.suppression(store.s3, bucket), found)


def _wrong(store: Store, bucket: str, part: Part, erased: Suppression) -> list[Item]:
    found: list[Item] = []
    for batch in batches(obeyed(erased, store.raw_lines(bucket, part.key)), READ_BATCH):
        there = store.read([item["id"] for item in batch], "version")
        found += (item for item in batch if not _stands(item, there.get(item["id"])))
    return found


def _stands(item: Item, found: Item | None) -> bool:
    if is_removal(item) or found is None:
        return is_removal(item) and found is None
    return bool(found["version"]["S"] == item["version"])
