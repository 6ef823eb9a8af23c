"""What a run takes over: the live version's lists, and what the last run of its settings learnt, live or not.

What is missing is made anew. Each thing that cannot be taken over is said, with where it lies and why. Used
by retrain.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import pyarrow as pa

from contracts import history, publications
from contracts.s3_layout import Version
from emr_jobs import factors
from emr_jobs.candidates import company
from emr_jobs.candidates.company import Company, CompanyUnreadableError
from emr_jobs.factors import Factors, FactorsUnreadableError
from emr_jobs.judging import card, in_use
from emr_jobs.judging.card import CardUnreadableError
from emr_jobs.judging.earlier import settings_of
from emr_jobs.judging.gate import Inherited
from emr_jobs.lists import export, renewal
from emr_jobs.lists.export import ExportMissingError
from emr_jobs.lists.renewal import Ranked, RankedUnreadableError
from emr_jobs.orders import DAY_SECONDS, epoch
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
    version: Version | None = None  # the live one: its lists, and how they were made
    teacher: Version | None = None  # the one that learnt what this run goes on from
    factors: Factors | None = None
    lasting: Factors | None = None
    company: Company | None = None
    forest: Forest | None = None
    ranked: Ranked | None = None
    rows: pa.Table | None = None  # of the customers
    card: Inherited | None = None  # of what was live last of the shop's own
    said: tuple[str, ...] = ()  # of what is not taken over

    @property
    def settings(self) -> Settings | None:
        """What was in use is made with, where its card tells."""
        return self.card.settings if self.card else None


def take(shop: Shop, settings: Settings, now: int) -> Inheritance:
    """What serves a run with these settings, of orders from before `now`."""
    said: list[str] = []

    def held(version: Version | None, file: str, load: Callable[[bytes], Thing]) -> Thing | None:
        if version is None:
            return None
        key = getattr(version, file)
        try:
            return load(shop.object(key))
        except shop.s3.exceptions.NoSuchKey:
            return None
        except _UNREADABLE as error:
            said.append(f"s3://{shop.bucket}/{key}: {error}")
            return None

    live = live_version(shop)
    own = in_use.own(shop, live)
    if own != live:
        said.append(
            f"the lists of {live}, a study's: {own}, live before it, is what this run is compared with"
        )
    known = held(own, "card", card.load)
    unfit = _unfit(own, known, settings, now)
    teacher = _young(shop, settings, now) or (None if unfit else own)
    if own and unfit:
        said.append(f"what {own} learnt: {unfit}")
    return Inheritance(
        live,
        teacher,
        held(teacher, "model", factors.load),
        held(teacher, "lasting", factors.load),
        held(teacher, "company", company.load),
        held(teacher, "forest", forest.load),
        held(live, "ranked", renewal.load),
        _rows(shop, live, said) if live else None,
        known,
        tuple(said),
    )


def _unfit(live: Version | None, known: Inherited | None, settings: Settings, now: int) -> str:
    """Why what the live version learnt is no start, or nothing."""
    if live and epoch(live.as_of) > now:
        return "it knows orders that this run does not"
    if known is None or known.settings is None:
        return "its card does not tell its settings"
    return "its settings were others" if known.settings != settings else ""


def _young(shop: Shop, settings: Settings, now: int) -> Version | None:
    """The newest whole version of these settings, none older than a day; a refused one has learnt as well."""
    versions = history.versions(shop.s3, shop.bucket)
    young = [version for version in versions if 0 <= now - epoch(version.as_of) < DAY_SECONDS]
    return next((one for one in reversed(young) if settings_of(shop, one) == settings), None)


def live_version(shop: Shop) -> Version | None:
    state = publications.read(shop.dynamodb, shop.table)
    return Version.parse(state.live_version) if state and state.live_version else None


def _rows(shop: Shop, live: Version, said: list[str]) -> pa.Table | None:
    try:
        return export.read_customers(shop.s3, shop.bucket, live)
    except ExportMissingError as error:
        said.append(str(error))
        return None
