"""The shop's catalogue into the table: names for whoever asks, what is not for sale for every lookup.

It always reads the newest file, and once more when a newer one came meanwhile, so that messages may come
late, doubled, in any order and to two workers at once. What the shop no longer sells stays in the file, not
for sale.
"""

from typing import Any

from contracts import s3_layout
from contracts.catalogue import CatalogueItem, pack_codes, parse_catalogue
from contracts.lists import NOT_FOR_SALE_KEY, catalogue_key, to_dynamo
from publish.store import READ_BATCH, WRITE_BATCH, Store, batches


def publish(store: Store, bucket: str) -> str:
    """Write what differs, again as long as a newer file came meanwhile."""
    told = ""
    written, newest = "", _etag(store, bucket)
    while written != newest:
        written, told = newest, _write(store, bucket)
        newest = _etag(store, bucket)
    return told


def _etag(store: Store, bucket: str) -> str:
    return str(store.s3.head_object(Bucket=bucket, Key=s3_layout.CATALOGUE)["ETag"])


def _write(store: Store, bucket: str) -> str:
    items = list(parse_catalogue(store.object(bucket, s3_layout.CATALOGUE)))
    unsold = pack_codes(item.code for item in items if not item.for_sale)
    store.write([{"id": NOT_FOR_SALE_KEY, "codes": unsold}])  # first: what sold out must vanish soon
    changed = 0
    for batch in batches(map(plain, items), READ_BATCH):
        found = store.read([item["id"] for item in batch], "name unit_price for_sale")
        different = [item for item in batch if found.get(item["id"]) != to_dynamo(item)]
        for few in batches(different, WRITE_BATCH):
            store.write(few)
        changed += len(different)
    return f"catalogue: {len(items)} items, {changed} changed"


def plain(item: CatalogueItem) -> dict[str, Any]:
    return {
        "id": catalogue_key(item.code),
        "name": item.name,
        "unit_price": format(item.unit_price, "f"),
        "for_sale": "true" if item.for_sale else "false",
    }
