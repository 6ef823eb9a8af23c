"""What a run takes over from the version that is live: factors, ranker, lists. What is missing is made anew.

Each thing that cannot be taken over is said, with where it lies and why. Used by retrain.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self, TypeVar

import pyarrow as pa

from contracts import publications
from contracts.s3_layout import Version
from emr_jobs import factors
from emr_jobs.candidates import company
from emr_jobs.candidates.company import Company, CompanyUnreadableError
from emr_jobs.factors import Factors, FactorsUnreadableError
from emr_jobs.judging import card
from emr_jobs.judging.card import CardUnreadableError
from emr_jobs.judging.gate import Inherited
from emr_jobs.lists import export, renewal
from emr_jobs.lists.export import ExportMissingError
from emr_jobs.lists.renewal import Ranked, RankedUnreadableError
from emr_jobs.ranker import forest
from emr_jobs.ranker.forest import Forest, ForestUnreadableError
from emr_jobs.settings import Settings
from emr_jobs.shop import Shop

Thing = TypeVar("Thing")
_UNREADABLE = (
    FactorsUnreadableError,
    CompanyUnreadableError,
    ForestUnreadableError,
    RankedUnreadableError,
    CardUnreadableError,
)


@dataclass(frozen=True, slots=True)
class Inheritance:
    version: Version | None
    factors: Factors | None
    lasting: Factors | None
    company: Company | None
    forest: Forest | None
    ranked: Ranked | None
    rows: pa.Table | None  # of the customers
    card: Inherited | None
    said: tuple[str, ...]  # of what could not be read

    @property
    def settings(self) -> Settings | None:
        """What the version was made with, where its card tells."""
        return self.card.settings if self.card else None

    def under(self, settings: Settings) -> Self:
        """What of it serves a run with these settings: what other ones trained is no start."""
        if self.version is None or self.settings == settings:
            return self
        said = (*self.said, f"what {self.version} learnt: its settings were others")
        return replace(self, factors=None, lasting=None, company=None, forest=None, said=said)


def take(shop: Shop) -> Inheritance:
    live = live_version(shop)
    if live is None:
        return Inheritance(None, None, None, None, None, None, None, None, ())
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
        held(live.company, company.load),
        held(live.forest, forest.load),
        held(live.ranked, renewal.load),
        _rows(shop, live, said),
        held(live.card, card.load),
        tuple(said),
    )


def live_version(shop: Shop) -> Version | None:
    state = publications.read(shop.dynamodb, shop.table)
    return Version.parse(state.live_version) if state and state.live_version else None


def _rows(shop: Shop, live: Version, said: list[str]) -> pa.Table | None:
    try:
        return export.read_customers(shop.s3, shop.bucket, live)
    except ExportMissingError as error:
        said.append(str(error))
        return None
