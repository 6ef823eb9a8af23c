"""What a run learns from the orders, before it makes a list: factors, and a ranker. Used by retrain."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from emr_jobs import model
from emr_jobs.als.drivers import Trainer
from emr_jobs.inheritance import Inheritance
from emr_jobs.model import Model
from emr_jobs.orders import Orders
from emr_jobs.ranker import keeping
from emr_jobs.ranker.keeping import Ranker
from emr_jobs.ratings import pairs
from emr_jobs.settings import Settings
from emr_jobs.stages import Stages


@dataclass(frozen=True, slots=True)
class Learnt:
    fitted: Model
    ranker: Ranker
    start: str  # how training started

    def told(self) -> dict[str, Any]:
        """For the card."""
        return {
            "trainer": self.fitted.trainer.driver,
            "trainer_reason": self.fitted.trainer.reason,
            "start": self.start,
            "losses": self.fitted.losses,
            "seconds": self.fitted.seconds,
            "ranker": self.ranker.said,
        }


def learn(
    orders: Orders,
    now: int,
    settings: Settings,
    seed: int,
    last: Inheritance,
    choose_trainer: Callable[[int], Trainer],
    stages: Stages,
) -> Learnt:
    bought = pairs(orders)
    trainer = choose_trainer(len(bought))
    fitted = model.fit_pairs(orders, bought, now, settings, seed, last.factors, trainer)
    start = _started(last, fitted)
    stages.done("training", f"{start}; {_losses(fitted)}; {trainer}")
    ranker = keeping.ranker(last.forest, orders, now, settings, seed)
    stages.done("ranker", ranker.said)
    return Learnt(fitted, ranker, start)


def _started(last: Inheritance, fitted: Model) -> str:
    """How training started."""
    source = last.teacher or last.version
    if source is None:
        return "cold: no version is live"
    if last.factors is None:
        return f"cold: {source} has no factors to go on from"
    if not fitted.trainer.starts_warm:
        return f"cold: the {fitted.trainer.driver} trainer has a start of its own"
    return f"warm from {source}" if fitted.warm else f"cold: {source} knows too few of the names"


def _losses(fitted: Model) -> str:
    if not fitted.losses:
        return "nobody bought anything to learn from"
    if len(fitted.losses) == 1:
        return f"loss {fitted.losses[0]:,.0f}"
    each = sum(fitted.seconds) / len(fitted.seconds)
    return (
        f"loss {fitted.losses[0]:,.0f} to {fitted.losses[-1]:,.0f} "
        f"in {len(fitted.losses)} iterations of {each:.2f} s"
    )
