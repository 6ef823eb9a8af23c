"""The four models of a study, each trained for every held-out part, or on all ratings."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from pyspark.sql import SparkSession

from emr_jobs.als.kernel import Floats
from emr_jobs.als.objective import Objective
from emr_jobs.explicit import halves, mllib
from emr_jobs.explicit.blocks import Ratings
from emr_jobs.explicit.cleaning import Scale
from emr_jobs.explicit.factorisation import Factorisation
from emr_jobs.explicit.fitted import Fitted
from emr_jobs.explicit.implicit import Implicit, with_everyone
from emr_jobs.explicit.popularity import Popularity, counted
from emr_jobs.settings import Settings

BIASES = "biases alone"
FACTORISATION = "biased factorisation"
MLLIB = "MLlib ALS"
IMPLICIT = "implicit ALS"
MODELS = (BIASES, FACTORISATION, MLLIB, IMPLICIT)

Tell = Callable[[str], None]
ByFold = dict[int, Fitted]


@dataclass(frozen=True, slots=True)
class Effort:
    """How long models are trained, and what MLlib's CrossValidator tries."""

    bias_sweeps: int = 8
    sweeps: int = 12
    rank: int = 16
    implicit_sweeps: int = 10
    implicit_rank: int = 64
    mllib_grid: tuple[mllib.Choice, ...] = mllib.GRID


@dataclass(slots=True)
class Workshop:
    """Trains any of the models; remembers the biases, and what MLlib's CrossValidator chose."""

    spark: SparkSession
    ratings: Ratings
    scale: Scale
    effort: Effort
    choice: mllib.Choice | None = None
    popularity: Popularity = field(init=False)
    _biases: ByFold = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.popularity = counted(self.ratings, self.scale.liked)

    def train(self, model: str, held_out: Iterable[int], tell: Tell) -> ByFold:
        """A fitted one for each held-out part."""
        folds = tuple(held_out)
        if model == BIASES:
            return self._by_biases(folds, tell)
        if model == FACTORISATION:
            return self._factorised(self.effort.rank, self.effort.sweeps, folds, tell)
        return self._by_mllib(folds, tell) if model == MLLIB else self._implicit(folds, tell)

    def steps(self, model: str, folds: int) -> int:
        """How often `train` tells."""
        effort = self.effort
        sweeps = {BIASES: effort.bias_sweeps, FACTORISATION: effort.sweeps, IMPLICIT: effort.implicit_sweeps}
        if model == MLLIB:
            return folds + (self.choice is None)
        return 1 if self.ratings.few else sweeps[model]

    def settings(self, model: str) -> str:
        """What it was trained with, for people."""
        effort = self.effort
        said = {
            BIASES: f"{effort.bias_sweeps} sweeps",
            FACTORISATION: f"rank {effort.rank}, {effort.sweeps} sweeps",
            IMPLICIT: f"rank {effort.implicit_rank}, {effort.implicit_sweeps} sweeps, on what was liked: "
            f"{self.scale.liked:g} or more",
        }
        return said.get(model, str(self.choice))

    def _by_biases(self, folds: tuple[int, ...], tell: Tell) -> ByFold:
        missing = tuple(fold for fold in folds if fold not in self._biases)
        self._biases |= self._factorised(0, self.effort.bias_sweeps, missing, tell) if missing else {}
        return {fold: self._biases[fold] for fold in folds}

    def _factorised(self, rank: int, sweeps: int, folds: tuple[int, ...], tell: Tell) -> ByFold:
        solver = Factorisation(self._means(folds), rank)
        rows = self._alternated(solver, sweeps, folds, tell)
        return {fold: Fitted(*rows[fold], solver.means[fold], self.popularity.rated(fold)) for fold in folds}

    def _implicit(self, folds: tuple[int, ...], tell: Tell) -> ByFold:
        solver = Implicit(self.scale.liked, Objective.of(Settings()), self.effort.implicit_rank)
        rows = self._alternated(solver, self.effort.implicit_sweeps, folds, tell)
        return {
            fold: Fitted(
                without_bias(with_everyone(users)), without_bias(items), None, self.popularity.liked(fold)
            )
            for fold, (users, items) in rows.items()
        }

    def _by_mllib(self, folds: tuple[int, ...], tell: Tell) -> ByFold:
        biases, found = self._by_biases(folds, _silent), {}
        for fold in folds:
            left = mllib.left(self.spark, self.ratings, fold, biases[fold])
            if self.choice is None:
                self.choice = mllib.chosen(left, self.effort.mllib_grid, self.ratings)
                tell(f"chose {self.choice}")
            found[fold] = mllib.fit(left, self.choice, biases[fold], self.ratings)
            tell(str(self.choice))
        return found

    def _alternated(
        self, solver: Factorisation | Implicit, sweeps: int, folds: tuple[int, ...], tell: Tell
    ) -> dict[int, tuple[Floats, Floats]]:
        """Each fold's users and items, from the same start."""
        sizes = len(self.ratings.users), len(self.ratings.items)
        rows = {fold: solver.start(*sizes, self.ratings.folds.seed) for fold in folds}
        halves.alternate(self.spark, self.ratings, solver, rows, sweeps, tell)
        return rows

    def _means(self, folds: tuple[int, ...]) -> dict[int, float]:
        """Of the ratings that are not held out."""
        sums = self.ratings.sums
        count, total = (sum(column) for column in zip(*sums.values(), strict=True))
        nothing = (0, 0.0)
        return {
            fold: (total - sums.get(fold, nothing)[1]) / (count - sums.get(fold, nothing)[0])
            for fold in folds
        }


def without_bias(rows: Floats) -> Floats:
    """With a bias of zero before the taste."""
    return np.hstack([np.zeros((len(rows), 1), np.float32), rows])


def _silent(_text: str) -> None:
    pass
