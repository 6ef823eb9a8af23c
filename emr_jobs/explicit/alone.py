"""Few ratings trained on in one task, all sweeps of all folds: Spark would cost more than the work.

The task gathers the blocks; what comes to the driver is users and items, as with halves.py.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from threadpoolctl import threadpool_limits

from emr_jobs.als.kernel import Floats
from emr_jobs.explicit.blocks import Block, blocks, gathered, turned
from emr_jobs.explicit.solver import Solver

Rows = dict[int, Floats]  # by held-out part

# Grain: one held-out part, trained.
TRAINED = "fold int, users binary, items binary"
_TRAINED = pa.schema([("fold", pa.int32()), ("users", pa.binary()), ("items", pa.binary())])


def alternate(
    spark: SparkSession, by_user: DataFrame, solver: Solver, users: Rows, items: Rows, sweeps: int
) -> None:
    """Overwrite each part's users and items with the trained ones."""
    told = spark.sparkContext.broadcast((solver, users, items, sweeps))

    def all_of_it(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        held = [block for batch in batches for block in blocks(batch)]
        if held:
            solver, users, items, sweeps = told.value
            whole = gathered(held)
            yield from _trained(
                partial(train, solver, whole, turned(whole, _length(items)), sweeps), users, items
            )

    try:
        trained = by_user.coalesce(1).mapInArrow(all_of_it, TRAINED).toArrow()
    finally:
        told.destroy()
    for fold, *sides in zip(*(trained[name] for name in _TRAINED.names), strict=True):
        for rows, raw in zip((users, items), sides, strict=True):
            whole = rows[fold.as_py()]
            whole[:] = np.frombuffer(raw.as_buffer(), np.float32).reshape(whole.shape)


def _trained(
    train: Callable[[int, Floats, Floats], None], users: Rows, items: Rows
) -> Iterator[pa.RecordBatch]:
    """The folds beside each other, as far as there are cores."""
    copies = {fold: (users[fold].copy(), items[fold].copy()) for fold in users}
    with ThreadPoolExecutor(os.cpu_count()) as pool, threadpool_limits(1, "blas"):
        for _ in pool.map(lambda fold: train(fold, *copies[fold]), copies):
            pass
    for fold, sides in copies.items():
        raw = [[side.tobytes()] for side in sides]
        yield pa.RecordBatch.from_arrays([pa.array([fold], pa.int32()), *map(pa.array, raw)], schema=_TRAINED)


def train(
    solver: Solver, by_user: Block, by_item: Block, sweeps: int, fold: int, users: Floats, items: Floats
) -> None:
    kept_by_user, kept_by_item = (block.where(block.parts != fold) for block in (by_user, by_item))
    for _ in range(sweeps):
        solver.solve(kept_by_item, solver.prepared(fold, users), users, items)
        solver.solve(kept_by_user, solver.prepared(fold, items), items, users)


def _length(rows: Rows) -> int:
    return len(next(iter(rows.values())))
