"""The model, from order lines to every customer's lists, all in memory. Used by retrain and backtest."""

from dataclasses import dataclass

from emr_jobs import factors
from emr_jobs.als.drivers import ALONE, Trainer
from emr_jobs.als.kernel import Floats, Ints
from emr_jobs.als.training import Training
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
    losses: tuple[float, ...]  # after each iteration; none where nobody bought anything
    seconds: tuple[float, ...]  # of each iteration
    warm: bool
    trainer: Trainer


def fit(orders: Orders, now: int, settings: Settings, seed: int, last: Factors | None = None) -> Model:
    """Train on these orders, from the last model's factors where they know most of the names."""
    return fit_pairs(orders, pairs(orders), now, settings, seed, last)


def fit_pairs(
    orders: Orders,
    bought: Pairs,
    now: int,
    settings: Settings,
    seed: int,
    last: Factors | None = None,
    trainer: Trainer = ALONE,
) -> Model:
    rated = ratings(bought, now, settings.rating_half_life_days)
    return trained(orders, bought, rated, now, settings, seed, last, trainer)


def trained(
    orders: Orders,
    bought: Pairs,
    rated: Floats,
    now: int,
    settings: Settings,
    seed: int,
    last: Factors | None = None,
    trainer: Trainer = ALONE,
) -> Model:
    """Train on these ratings of the pairs bought."""
    matrix = bought.matrix(rated)
    names = orders.customers, orders.items
    if not matrix.nnz:
        nothing = factors.zero(*names, settings.rank, now)
        return Model(now, bought, rated, nothing, (), (), warm=False, trainer=trainer)
    start = factors.start(last if trainer.starts_warm else None, *names, settings.rank, seed, now)
    held = start.factors
    iterations = settings.warm_iterations if start.nearly_there else settings.iterations
    training = Training(
        matrix,
        held.of_customers,
        held.of_items,
        trainer.objective(settings),
        iterations,
        settings.enough_gain,
    )
    done = trainer.train(training, seed)
    return Model(now, bought, rated, held, done.losses, done.seconds, start.warm, trainer)


def scores(model: Model, settings: Settings) -> Blend:
    return blend(model.bought, model.factors.of_customers, model.factors.of_items, model.now, settings)


def lists(model: Model, settings: Settings, count: int) -> dict[str, Ints]:
    return rankings.rank(scores(model, settings), count)
