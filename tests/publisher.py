"""The publish function at work in the background, as the queue drives it: for tests that publish."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from contracts.s3_layout import PUBLICATIONS, Part
from emr_jobs.publishing import publication
from emr_jobs.publishing.publication import Shop
from publish import parts
from publish.store import Store

LOOK_SECONDS = 0.02


@contextmanager
def publisher(shop: Shop) -> Iterator[None]:
    """Fed with every part that lands in the bucket, or is written anew, while the block runs."""
    ended, store = threading.Event(), Store.connect(shop.table)
    worker = threading.Thread(target=_work, args=(shop, store, ended))
    worker.start()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(publication, "_POLL_SECONDS", LOOK_SECONDS)  # who waits for it looks as often
            yield
    finally:
        ended.set()
        worker.join()
        store.s3.close()
        store.dynamodb.close()


def _work(shop: Shop, store: Store, ended: threading.Event) -> None:
    seen = set()
    while not ended.wait(LOOK_SECONDS):
        found = shop.s3.list_objects_v2(Bucket=shop.bucket, Prefix=PUBLICATIONS).get("Contents", ())
        for listed in found:
            written = (listed["Key"], listed["LastModified"], listed["ETag"])
            if (part := Part.parse(listed["Key"])) and written not in seen:
                seen.add(written)
                parts.publish(store, shop.bucket, part)
