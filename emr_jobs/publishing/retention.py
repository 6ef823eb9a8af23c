"""Old versions and publications are cleared away once another version is live. publication.py calls it.

A bucket's lifecycle knows ages; it does not know what is live, nor where a rollback would go.
"""

import contextlib
from collections.abc import Callable, Iterable
from datetime import timedelta

from contracts import history
from contracts.history import Note, NothingBeforeError, by_age
from contracts.publications import Publication
from contracts.s3_layout import LISTS, MODELS, PUBLICATIONS, Version
from emr_jobs.shop import Shop

KEPT_VERSIONS = 48  # two days of hourly runs
KEPT_DAYS = timedelta(days=30)  # of each its last version: the gate looks back at what was shown
KEPT_PUBLICATIONS = 100  # behind the live one
_DELETE_BATCH = 1_000  # DeleteObjects' limit


def clear(shop: Shop, known: Publication, report: Callable[[str], None]) -> None:
    """Delete what no rule keeps; killed anywhere, the next run finishes it."""
    noted = list(history.notes(shop.s3, shop.bucket))
    stored = history.versions(shop.s3, shop.bucket)
    keep = kept(stored, known, noted)
    old = [version for version in stored if version not in keep]
    for version in old:
        _forget(shop, version)
    if old:
        report(f"{len(old)} old versions deleted, {len(keep)} kept")
    _forget_publications(shop, min((note.number for note in noted if note.version in keep), default=0), known)


def kept(stored: list[Version], known: Publication, noted: Iterable[Note]) -> set[Version]:
    """The newest, one of each day for a month, what is live or on its way, and where a rollback would go."""
    by_run = sorted(stored, key=by_age)
    keep = set(by_run[-KEPT_VERSIONS:])
    newest = max((version.as_of for version in stored), default=None)
    last_of_day = {version.as_of.date(): version for version in by_run}
    keep |= {version for version in last_of_day.values() if newest and newest - version.as_of < KEPT_DAYS}
    keep |= {Version.parse(text) for text in (known.version, known.live_version) if text}
    with contextlib.suppress(NothingBeforeError):
        keep.add(history.version_before(known, noted, stored))
    return keep & set(stored)


def _forget(shop: Shop, version: Version) -> None:
    """The card first, without which a version is not whole; its folder last, by which it is found again."""
    shop.s3.delete_object(Bucket=shop.bucket, Key=version.card)
    for folder in (f"{MODELS}{version}/", f"{LISTS}{version}/"):
        _delete(shop, (found["Key"] for found in shop.listed(folder)))


def _forget_publications(shop: Shop, oldest: int, known: Publication) -> None:
    """Those far behind the live one; what put a kept version live stays."""
    last = min(oldest, known.live_number - KEPT_PUBLICATIONS)
    keys = (found["Key"] for found in shop.listed(PUBLICATIONS))
    _delete(shop, (key for key in keys if history.number_of(key) < last))


def _delete(shop: Shop, keys: Iterable[str]) -> None:
    left = list(keys)
    for first in range(0, len(left), _DELETE_BATCH):
        objects = [{"Key": key} for key in left[first : first + _DELETE_BATCH]]
        shop.s3.delete_objects(Bucket=shop.bucket, Delete={"Objects": objects, "Quiet": True})
