"""Every model, each held-out part in turn: what a study finds out."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from statistics import fmean, stdev
from time import monotonic
from typing import Any

from emr_jobs.explicit import scoring
from emr_jobs.explicit.models import MODELS, Workshop
from emr_jobs.explicit.scoring import Score

Tell = Callable[[int, int, str], None]  # how many steps are done, of how many, and what was


@dataclass(frozen=True, slots=True)
class Result:
    """A model's scores, one for each held-out part."""

    model: str
    scores: tuple[Score, ...]
    seconds: float  # on the clock, of training for all parts, and of judging
    settings: str

    def mean(self, figure: str) -> float | None:
        found = self.figures(figure)
        return fmean(found) if found else None

    def spread(self, figure: str) -> float:
        """The standard deviation between the parts."""
        found = self.figures(figure)
        return stdev(found) if len(found) > 1 else 0.0

    def figures(self, figure: str) -> list[float]:
        return [value for score in self.scores if (value := getattr(score, figure)) is not None]

    def plain(self) -> dict[str, Any]:
        return asdict(self)


def validate(workshop: Workshop, tell: Tell) -> list[Result]:
    """In the order of MODELS."""
    held_out = workshop.ratings.folds.held_out
    total = sum(workshop.steps(model, len(held_out)) + 1 for model in MODELS)
    done, results = 0, []

    def step(model: str, text: str) -> None:
        nonlocal done
        done += 1
        tell(done, total, f"{model}, {text}")

    for model in MODELS:
        began = monotonic()
        fitted = workshop.train(model, held_out, partial(step, model))
        scores = scoring.judge(workshop.spark, workshop.ratings, workshop.popularity, fitted, workshop.scale)
        step(model, "judged")
        results.append(Result(model, tuple(scores), monotonic() - began, workshop.settings(model)))
    return results


def best_ranking(results: list[Result]) -> Result:
    """Whose lists find most: what people are shown is a list. If none are judged, the best at ratings."""
    judged = [result for result in results if result.mean("ndcg") is not None]
    return max(judged, key=lambda result: result.mean("ndcg") or 0.0) if judged else best_rating(results)


def best_rating(results: list[Result]) -> Result:
    return min((result for result in results if result.mean("rmse") is not None), key=_rmse)


def _rmse(result: Result) -> float:
    return result.mean("rmse") or 0.0
