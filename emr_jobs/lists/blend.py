"""The linear blend that scores every item for a customer: ALS, their own repeats, what sells now.

for_you = ALS + log1p(repeats) + popularity; discover = ALS + popularity, over what they never bought.
"""

from dataclasses import dataclass, replace

import numpy as np

from contracts.lists import DISCOVER, FOR_YOU
from emr_jobs.als.kernel import Floats, Ints, Longs
from emr_jobs.lists import popularity
from emr_jobs.ratings import Pairs
from emr_jobs.settings import Settings
from emr_jobs.topk import BARRED


@dataclass(frozen=True, slots=True)
class Blend:
    """Rows are customers and items; the pairs bought are stored by customer (starts, items)."""

    customers: Floats
    items: Floats
    starts: Longs
    bought: Ints
    repeats: Floats  # one for each pair bought
    popular: dict[str, Floats]  # what popularity adds, by list
    sold: np.ndarray[tuple[int], np.dtype[np.bool_]]  # whether any known customer bought the item

    def of(self, customers: Ints) -> "Blend":
        """The blend of these customers alone."""
        sizes = self.starts[customers + 1] - self.starts[customers]
        ends = np.cumsum(sizes)
        pair = np.repeat(self.starts[customers] - ends + sizes, sizes)
        pair += np.arange(len(pair))
        return replace(
            self,
            customers=self.customers[customers],
            starts=np.append(0, ends),
            bought=self.bought[pair],
            repeats=self.repeats[pair],
        )

    def bias(self, name: str) -> Floats:
        """What every customer's score of an item gets; what nobody known bought is in no list."""
        return np.where(self.sold, self.popular[name], BARRED)


def blend(bought: Pairs, customers: Floats, items: Floats, now: int, settings: Settings) -> Blend:
    decayed = bought.decayed(now, settings.repeat_half_life_days)
    popular = popularity.recent(bought, now, settings.popular_days)
    return Blend(
        customers=customers,
        items=items,
        starts=bought.starts,
        bought=bought.item,
        repeats=np.log1p(np.where(bought.kept, decayed, np.float32(0))),
        popular={
            FOR_YOU: np.float32(settings.popular_in_for_you) * popular,
            DISCOVER: np.float32(settings.popular_in_discover) * popular,
        },
        sold=np.bincount(bought.item, minlength=bought.shape[1]) > 0,
    )
