"""How good a model is: the held-out ratings foretold, and the held-out liked items found by its lists.

Users are judged in tasks, a block at a time; a row for each held-out part comes to the driver.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyspark.sql import SparkSession

from emr_jobs.explicit import tally
from emr_jobs.explicit.blocks import Ratings, blocks
from emr_jobs.explicit.cleaning import Scale
from emr_jobs.explicit.fitted import Fitted
from emr_jobs.explicit.popularity import Popularity
from emr_jobs.explicit.tally import Judged

if TYPE_CHECKING:
    from pyspark import Broadcast


@dataclass(frozen=True, slots=True)
class Score:
    """A model on one held-out part; None where it foretells no rating, or nobody liked anything."""

    rmse: float | None
    mae: float | None
    ndcg: float | None
    recall: float | None
    coverage: float | None  # of the items rated before: shown in any list
    novelty: float | None  # bits of surprise an entry


def judge(
    spark: SparkSession, ratings: Ratings, popularity: Popularity, fitted: dict[int, Fitted], scale: Scale
) -> list[Score]:
    """A score for each held-out part, in order."""
    told = spark.sparkContext.broadcast(
        [Judged(fold, model, scale, popularity.bits(fold)) for fold, model in fitted.items()]
    )
    try:
        tallies = ratings.by_user.mapInArrow(_judge(told), tally.TALLIES_DDL)
        totals = tallies.groupBy("fold").applyInArrow(tally.total, tally.TOTALS_DDL).collect()
    finally:
        told.destroy()
    rates = next(iter(fitted.values())).mean is not None
    return [
        _score(row.asDict(), popularity.items(row["fold"]), rates=rates)
        for row in sorted(totals, key=lambda row: row["fold"])
    ]


def _score(totals: dict[str, float], items: int, *, rates: bool) -> Score:
    """`items`: how many somebody rated before."""

    def mean(name: str, count: str) -> float | None:
        return totals[name] / totals[count] if totals[count] else None

    squares = mean("squares", "ratings") if rates else None
    return Score(
        None if squares is None else float(np.sqrt(squares)),
        mean("absolutes", "ratings") if rates else None,
        mean("ndcg", "users"),
        mean("recall", "users"),
        totals["items"] / max(1, items) if totals["users"] else None,
        mean("bits", "entries"),
    )


def _judge(
    told: "Broadcast[list[Judged]]",
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def judge_blocks(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for block in blocks(batch):
                for judged in told.value:
                    yield judged.tally(block)

    return judge_blocks
