"""What a run takes over from the version that is live: factors, ranker, lists. What is missing is made anew.

Each thing that cannot be taken over is said, with where it lies and why. Used by retrain.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import pyarrow as pa

from contracts import publications
from contracts.s3_layout import Version
from emr_jobs import factors
from emr_jobs.factors import Factors, FactorsUnreadableError
from emr_jobs.judging import card
from emr_jobs.judging.card import Inherited
from emr_jobs.lists import export, renewal
from emr_jobs.lists.export import ExportMissingError
from emr_jobs.lists.renewal import Ranked, RankedUnreadableError
from emr_jobs.ranker import forest
from emr_jobs.ranker.forest import Forest, ForestUnreadableError
from emr_jobs.settings import Settings
from emr_jobs.shop import Shop

Thing = TypeVar("Thing")
_UNREADABLE = (FactorsUnreadableError, ForestUnreadableError, RankedUnreadableError)


@dataclass(frozen=True, slots=True)
class Inheritance:
    version: Version | None
    factors: Factors | None
    lasting: Factors | None
    forest: Forest | None
    ranked: Ranked | None
    rows: pa.Table | None  # of the customers
    card: Inherited | None
    said: tuple[str, ...]  # of what could not be read

    def forest_for(self, settings: Settings) -> Forest | None:
        """The forest, where it was trained with these settings."""
        return self.forest if self.card and self.card.settings == settings else None


def take(shop: Shop) -> Inheritance:
    live = live_version(shop)
    if live is None:
        return Inheritance(None, None, None, None, None, None, None, ())
    said: list[str] = []

    def held(key: str, load: Callable[[bytes], Thing]) -> Thing | None:
        try:
            return load(shop.object(key))
        except shop.s3.exceptions.NoSuchKey:
            return None
        except _UNREADABLE as error:
            said.append(f"s3://{shop.bucket}/{key}: {error}")
            return None

    return Inheritance(
        live,
        held(live.model, factors.load),
        held(live.lasting, factors.load),
        held(live.forest, forest.load),
        held(live.ranked, renewal.load),
        _rows(shop, live, said),
        card.read(shop.s3, shop.bucket, live),
        tuple(said),
    )


def live_version(shop: Shop) -> Version | None:
    state = publications.read(shop.dynamodb, shop.table)
    return Version.parse(state.live_version) if state and state.live_version else None


def _rows(shop: Shop, live: Version, said: list[str]) -> pa.Table | None:
    try:
        return export.read_customers(shop.s3, shop.bucket, live)
    except (ExportMissingError, pa.ArrowInvalid, OSError) as error:
        said.append(str(error))
        return None
