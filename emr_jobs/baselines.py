"""What any model must beat, ranked by the project's own code: popularity, and what the customer keeps buying.

Each is a blend with parts left out. Used by backtest.
"""

from dataclasses import replace

import numpy as np

from contracts.lists import CUSTOMER_LISTS
from emr_jobs import model, popularity
from emr_jobs.als.kernel import Floats
from emr_jobs.blend import Blend
from emr_jobs.model import Model
from emr_jobs.orders import DAY_SECONDS
from emr_jobs.settings import Settings

TOP_FREQUENCY_POPULARITY = 0.5  # below one purchase: it only orders what was bought equally often


def contenders(fitted: Model, settings: Settings) -> dict[str, Blend]:
    """Every baseline by name, and last the blend itself."""
    blend = model.scores(fitted, settings)
    no_taste = replace(blend, customers=blend.customers[:, :1] * 0, items=blend.items[:, :1] * 0)
    no_repeats = np.zeros_like(blend.repeats)
    recent = popularity.recent(fitted.bought, fitted.now, settings.popular_days)
    ever = popularity.recent(fitted.bought, fitted.now, fitted.now / DAY_SECONDS)
    own = fitted.bought.purchases.astype(np.float32)
    days = f"{settings.popular_days:.0f}"
    return {
        "popularity, all time": replace(no_taste, repeats=no_repeats, popular=_everywhere(ever)),
        f"popularity, {days} days": replace(no_taste, repeats=no_repeats, popular=_everywhere(recent)),
        "own purchases": replace(
            no_taste, repeats=own, popular=_everywhere(np.float32(TOP_FREQUENCY_POPULARITY) * recent)
        ),
        "ALS": replace(blend, repeats=no_repeats, popular=_everywhere(np.zeros_like(recent))),
        "blend": blend,
    }


def _everywhere(popular: Floats) -> dict[str, Floats]:
    return dict.fromkeys(CUSTOMER_LISTS, popular)
