"""The model, from order lines to every customer's lists, all in memory. Used by retrain and backtest."""

from dataclasses import dataclass

from emr_jobs import factors
from emr_jobs.als import local
from emr_jobs.als.kernel import Floats, Ints
from emr_jobs.factors import Factors
from emr_jobs.lists import rankings
from emr_jobs.lists.blend import Blend, blend
from emr_jobs.orders import Orders
from emr_jobs.ratings import Pairs, pairs, ratings
from emr_jobs.settings import Settings


@dataclass(frozen=True, slots=True)
class Model:
    """What was learnt from the orders before `now`; rows are those of the orders' customers and items."""

    now: int
    bought: Pairs
    ratings: Floats  # one for each pair bought
    factors: Factors
    losses: tuple[float, ...]  # after each iteration
    warm: bool


def fit(orders: Orders, now: int, settings: Settings, seed: int, last: Factors | None = None) -> Model:
    """Train on these orders, from the last model's factors where they know most of the names."""
    bought = pairs(orders)
    rated = ratings(bought, now, settings.rating_half_life_days)
    return trained(orders, bought, rated, now, settings, seed, last)


def trained(
    orders: Orders,
    bought: Pairs,
    rated: Floats,
    now: int,
    settings: Settings,
    seed: int,
    last: Factors | None = None,
) -> Model:
    """Train on these ratings of the pairs bought."""
    start = factors.warm(last, orders.customers, orders.items, settings.rank) if last else None
    held = start or factors.cold(orders.customers, orders.items, settings.rank, seed)
    losses = tuple(local.train(bought.matrix(rated), held.of_customers, held.of_items, settings))
    return Model(now, bought, rated, held, losses, warm=start is not None)


def scores(model: Model, settings: Settings) -> Blend:
    return blend(model.bought, model.factors.of_customers, model.factors.of_items, model.now, settings)


def lists(model: Model, settings: Settings, count: int) -> dict[str, Ints]:
    return rankings.rank(scores(model, settings), count)
