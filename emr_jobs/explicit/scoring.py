"""How good a model is: the held-out ratings foretold, and the held-out liked items found by its lists.

Runs in tasks, a block of users at a time; sums come back. The ranking figures are those of the order path:
everything that the user did not rate before is ranked, and an item nobody rated before counts as missed.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from contracts.lists import SHOWN_ENTRIES
from emr_jobs import topk
from emr_jobs.als.kernel import Ints
from emr_jobs.explicit.blocks import Block, Ratings, blocks
from emr_jobs.explicit.cleaning import Scale
from emr_jobs.explicit.fitted import Fitted
from emr_jobs.judging import evaluation
from emr_jobs.judging.evaluation import Truth

if TYPE_CHECKING:
    from pyspark import Broadcast

# Grain: a block of users and a held-out part. Sums over ratings and over the users who liked something.
SUMS = ("ratings", "squares", "absolutes", "users", "ndcg", "recall")
_SCHEMA = pa.schema([("fold", pa.int32()), *((name, pa.float64()) for name in SUMS)])
_DDL = "fold int, " + ", ".join(f"{name} double" for name in SUMS)


@dataclass(frozen=True, slots=True)
class Score:
    """A model on one held-out part; None where it foretells no rating, or nobody liked anything."""

    rmse: float | None
    mae: float | None
    ndcg: float | None
    recall: float | None


def judge(spark: SparkSession, ratings: Ratings, fitted: dict[int, Fitted], scale: Scale) -> list[Score]:
    """A score for each held-out part, in order."""
    told = spark.sparkContext.broadcast((fitted, scale))
    try:
        sums = ratings.by_user.mapInArrow(_judge(told), _DDL)
        summed = sums.groupBy("fold").agg(*(F.sum(name).alias(name) for name in SUMS)).collect()
    finally:
        told.destroy()
    rates = next(iter(fitted.values())).mean is not None
    return [_score(row.asDict(), rates=rates) for row in sorted(summed, key=lambda row: row["fold"])]


def best(fitted: Fitted, block: Block, count: int) -> Ints:
    """Each user's best items but those of the block."""
    users, items = fitted.ranking(fitted.users[block.first : block.first + len(block)])
    return topk.unbought(users, items, block.starts, block.columns, count)


def _score(sums: dict[str, float], *, rates: bool) -> Score:
    def mean(name: str, count: str) -> float | None:
        return sums[name] / sums[count] if sums[count] else None

    squares = mean("squares", "ratings") if rates else None
    return Score(
        None if squares is None else float(np.sqrt(squares)),
        mean("absolutes", "ratings") if rates else None,
        mean("ndcg", "users"),
        mean("recall", "users"),
    )


def _judge(
    told: "Broadcast[tuple[dict[int, Fitted], Scale]]",
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def judge_blocks(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        by_fold, scale = told.value
        for batch in batches:
            for block in blocks(batch):
                for fold, fitted in by_fold.items():
                    sums = _errors(fitted, block.where(block.parts == fold), scale)
                    sums |= _found(fitted, block, fold, scale)
                    row = {"fold": [fold]} | {name: [float(sums[name])] for name in SUMS}
                    yield pa.RecordBatch.from_pydict(row, _SCHEMA)

    return judge_blocks


def _errors(fitted: Fitted, held: Block, scale: Scale) -> dict[str, float]:
    if fitted.mean is None:
        return {"ratings": len(held.ratings), "squares": 0.0, "absolutes": 0.0}
    foretold = fitted.ratings(fitted.users[held.first + held.rows], held.columns)
    errors = np.clip(foretold, scale.low, scale.high) - held.ratings
    return {
        "ratings": len(errors),
        "squares": float(errors @ errors),
        "absolutes": float(np.abs(errors).sum()),
    }


def _found(fitted: Fitted, block: Block, fold: int, scale: Scale) -> dict[str, float]:
    held = block.where((block.parts == fold) & (block.ratings >= scale.liked))
    width = len(fitted.items)
    users, sizes = np.unique(held.rows, return_counts=True)
    if not len(users):
        return {"users": 0, "ndcg": 0.0, "recall": 0.0}
    keys = np.sort(held.rows * width + held.columns)
    truth = Truth(users.astype(np.int32), sizes.astype(np.int32), keys, width)
    lists = best(fitted, block.where(block.parts != fold), SHOWN_ENTRIES)
    return {
        "users": len(users),
        "ndcg": float(evaluation.ndcg(lists, truth, SHOWN_ENTRIES).sum()),
        "recall": float(evaluation.recall(lists, truth, SHOWN_ENTRIES).sum()),
    }
