"""Which version of the shop's own a run is compared with, also while a study's lists are live."""

from contracts import history
from contracts.s3_layout import Version
from emr_jobs.judging import card
from emr_jobs.judging.card import CardUnreadableError, StudysCardError
from emr_jobs.shop import Shop


def own(shop: Shop, live: Version | None) -> Version | None:
    """The live one, or where that is a study's the newest of the shop's own that was live and is stored."""
    if live is None or not isinstance(_fault(shop, live), StudysCardError):
        return live
    been = (note.version for note in history.notes(shop.s3, shop.bucket) if note.went_live)
    return next((version for version in been if _fault(shop, version) is None), live)


def _fault(shop: Shop, version: Version) -> Exception | None:
    """What keeps its card from being read, if anything does."""
    try:
        card.load(shop.object(version.card))
    except (shop.s3.exceptions.NoSuchKey, CardUnreadableError) as error:
        return error
    return None
