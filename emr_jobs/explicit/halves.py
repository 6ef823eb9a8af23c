"""Alternating between users and items over Spark: one side's rows are solved against the other's, in tasks.

The models of every fold are trained in the same jobs. The other side's rows are broadcast, the solved ones
come back: users and items, never ratings. Few ratings one task trains on from start to end: alone.py.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from threadpoolctl import threadpool_limits

from emr_jobs.als.kernel import Floats
from emr_jobs.explicit import alone
from emr_jobs.explicit.blocks import Ratings, blocks
from emr_jobs.explicit.solver import Solver

if TYPE_CHECKING:
    from pyspark import Broadcast

# Grain: consecutive rows of one side, solved for one held-out part.
SOLVED = "fold int, first long, rows binary"
_SOLVED = pa.schema([("fold", pa.int32()), ("first", pa.int64()), ("rows", pa.binary())])

Told = tuple[Solver, list[int], list[Any], list[Floats], list[Floats]]
Tell = Callable[[str], None]


def alternate(
    spark: SparkSession,
    ratings: Ratings,
    solver: Solver,
    starts: dict[int, tuple[Floats, Floats]],
    sweeps: int,
    tell: Tell,
) -> None:
    """Solve the items, then the users, so often; `starts` are each held-out part's users and items."""
    users = {fold: pair[0] for fold, pair in starts.items()}
    items = {fold: pair[1] for fold, pair in starts.items()}
    if ratings.few:
        alone.alternate(spark, ratings.by_user, solver, users, items, sweeps)
        tell(f"{sweeps} sweeps")
        return
    for sweep in range(1, sweeps + 1):
        _half(spark, ratings.by_item, solver, users, items)
        _half(spark, ratings.by_user, solver, items, users)
        tell(f"sweep {sweep} of {sweeps}")


def _half(
    spark: SparkSession, side: DataFrame, solver: Solver, others: dict[int, Floats], rows: dict[int, Floats]
) -> None:
    folds = list(others)
    with threadpool_limits(1, "blas"):
        prepared = [solver.prepared(fold, others[fold]) for fold in folds]
    told = spark.sparkContext.broadcast(
        (solver, folds, prepared, list(others.values()), [rows[fold] for fold in folds])
    )
    try:
        solved = side.mapInArrow(_solver(told), SOLVED).toArrow()
    finally:
        told.destroy()
    for fold, first, raw in zip(*(solved[name] for name in ("fold", "first", "rows")), strict=True):
        whole = rows[fold.as_py()]
        block = np.frombuffer(raw.as_buffer(), np.float32).reshape(-1, whole.shape[1])
        whole[first.as_py() : first.as_py() + len(block)] = block


def _solver(told: "Broadcast[Told]") -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def solve(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        solver, *by_fold = told.value
        for batch in batches:
            for block in blocks(batch):
                for fold, prepared, other, rows in zip(*by_fold, strict=True):
                    kept = block.where(block.parts != fold)
                    solved = rows[block.first : block.first + len(block)].copy()
                    solver.solve(kept, prepared, other, solved)
                    yield pa.RecordBatch.from_pydict(
                        {"fold": [fold], "first": [block.first], "rows": [solved.tobytes()]}, _SOLVED
                    )

    return solve
