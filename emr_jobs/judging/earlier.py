"""The forest that ranked when the judged days began: it knows nothing of them, and is there already.

To grow it again would take as long as all the rest of a day's backtest and of its run.
"""

from contracts import history
from contracts.s3_layout import Version
from emr_jobs.judging import card
from emr_jobs.judging.card import CardUnreadableError
from emr_jobs.orders import DAY_SECONDS, epoch
from emr_jobs.ranker import features, forest
from emr_jobs.ranker.forest import Forest, ForestUnreadableError
from emr_jobs.settings import Settings
from emr_jobs.shop import Shop

# Before the cut. Of an old day one version is kept, and its forest may be a day older than it.
OLDEST_SECONDS = 2 * DAY_SECONDS


def forest_at(shop: Shop, cut: int, settings: Settings) -> Forest | None:
    """The newest one that was grown with these settings from orders of before the cut."""
    versions = history.versions(shop.s3, shop.bucket)
    near = [version for version in versions if cut - OLDEST_SECONDS <= epoch(version.as_of) <= cut]
    held = (_forest(shop, version, settings) for version in reversed(near))
    return next((found for found in held if found and 0 <= cut - found.trained <= OLDEST_SECONDS), None)


def _forest(shop: Shop, version: Version, settings: Settings) -> Forest | None:
    """The version's, where it has one, of these settings and of today's features."""
    try:
        found = forest.load(shop.object(version.forest)) if settings_of(shop, version) == settings else None
    except (shop.s3.exceptions.NoSuchKey, ForestUnreadableError):
        return None
    return found if found and found.names == features.NAMES else None


def settings_of(shop: Shop, version: Version) -> Settings | None:
    """What a whole version was made with, where its card tells."""
    try:
        return card.load(shop.object(version.card)).settings
    except (shop.s3.exceptions.NoSuchKey, CardUnreadableError):
        return None
