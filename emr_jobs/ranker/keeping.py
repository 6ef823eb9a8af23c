"""The ranker of a run: the last one while it is younger than a day, by the data's clock; else a new one."""

from dataclasses import dataclass

from emr_jobs.orders import DAY_SECONDS, Orders
from emr_jobs.ranker import examples, features, growing
from emr_jobs.ranker.examples import HistoryTooShortError
from emr_jobs.ranker.forest import Forest
from emr_jobs.ranker.growing import GrowerMissingError
from emr_jobs.settings import Settings

BLEND = "the linear blend"


@dataclass(frozen=True, slots=True)
class Ranker:
    forest: Forest | None  # None: the linear blend ranks
    said: str
    new: bool

    @property
    def name(self) -> str:
        return f"the forest of {self.forest.trained}" if self.forest else BLEND


def ranker(last: Forest | None, orders: Orders, now: int, settings: Settings, seed: int) -> Ranker:
    if last and usable(last, now):
        return Ranker(last, f"the forest trained {(now - last.trained) / 3_600:.0f} h ago", new=False)
    try:
        forest, learnt = train(orders, now, settings, seed)
    except (HistoryTooShortError, GrowerMissingError) as error:
        return Ranker(None, f"{BLEND}: {error}", new=False)
    return Ranker(forest, learnt, new=True)


def usable(forest: Forest, now: int) -> bool:
    """It was made for these features, and of orders that were known by then, not a day ago."""
    return forest.names == features.NAMES and 0 <= now - forest.trained < DAY_SECONDS


def train(orders: Orders, now: int, settings: Settings, seed: int) -> tuple[Forest, str]:
    """A forest that knows only what was ordered before `now`, and what it learnt from."""
    learnt = examples.gather(orders, now, settings, seed)
    forest = growing.grow(learnt, features.NAMES, now, settings, seed)
    counts = f"{len(learnt.bought):,} candidates of {len(learnt.cuts)} weeks"
    return forest, f"a new forest of {len(forest.starts)} trees from {counts}"
