"""ALS over a Spark session that is there: the same kernel in mapInArrow, for more than one node should do.

The driver deals the ratings out once, as blocks of rows both ways, and keeps 8 bytes a pair and the factors.
In each half the opposite factors are broadcast, and the solved rows come back.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial, reduce
from itertools import pairwise

import numpy as np
import pyarrow as pa
from pyspark import Broadcast, StorageLevel
from pyspark.sql import DataFrame, SparkSession
from scipy import sparse
from threadpoolctl import threadpool_limits

from emr_jobs.als.kernel import Floats, Longs, solve_rows
from emr_jobs.als.objective import Objective
from emr_jobs.als.training import Trained, Training, alternate

BLOCK_PAIRS = 1 << 18  # 2 MB: many blocks for each core, few rows for Spark
DEAL_BLOCKS = 32  # sent at once: 64 MB, half of what one Spark message may hold

# Grain: consecutive rows of one side. `starts` counts from the block's first pair.
BLOCK = pa.schema(
    [("first", pa.int64()), ("starts", pa.binary()), ("columns", pa.binary()), ("ratings", pa.binary())]
)
# Grain: one block solved. `rows` are float32 factors from row `first` on.
SOLVED = "first long, cost double, rows binary"

Half = tuple[
    Objective, bool, Floats, Floats, Floats
]  # exact, the other side, its gramian, the solution so far


def fit(training: Training, spark: SparkSession) -> Trained:
    by_item = training.ratings.T.tocsr()
    sides = [_dealt(spark, side) for side in (by_item, training.ratings)]
    del by_item
    customers, items = training.customers, training.items
    try:
        with threadpool_limits(1, "blas"):
            half = partial(_half, spark, training)
            return alternate(
                training,
                solve_items=partial(half, sides[0], customers, items),
                solve_customers=partial(half, sides[1], items, customers),
            )
    finally:
        for side in sides:
            side.unpersist()


def cut(starts: Longs, pairs: int) -> Longs:
    """Where blocks of about so many pairs begin, and the end of the last. A long row is in one block."""
    wanted = np.searchsorted(starts, np.arange(pairs, starts[-1], pairs))
    return np.unique(np.concatenate([[0], wanted, [len(starts) - 1]]))


def _dealt(spark: SparkSession, ratings: sparse.csr_matrix) -> DataFrame:
    """The side's blocks, kept by Spark."""
    bounds = cut(ratings.indptr, BLOCK_PAIRS)
    deals = [bounds[first : first + DEAL_BLOCKS + 1] for first in range(0, len(bounds) - 1, DEAL_BLOCKS)]
    dealt = reduce(DataFrame.union, [spark.createDataFrame(_blocks(ratings, deal)) for deal in deals])
    dealt.persist(StorageLevel.MEMORY_AND_DISK).count()
    return dealt


def _blocks(ratings: sparse.csr_matrix, bounds: Longs) -> pa.Table:
    def block(first: int, end: int) -> dict[str, int | bytes]:
        begin, stop = ratings.indptr[first], ratings.indptr[end]
        return {
            "first": int(first),
            "starts": (ratings.indptr[first : end + 1] - begin).astype(np.int64).tobytes(),
            "columns": ratings.indices[begin:stop].astype(np.int32).tobytes(),
            "ratings": ratings.data[begin:stop].astype(np.float32).tobytes(),
        }

    return pa.Table.from_pylist([block(*pair) for pair in pairwise(bounds)], BLOCK)


def _half(spark: SparkSession, training: Training, side: DataFrame, other: Floats, solution: Floats) -> float:
    gramian = training.objective.gramian(other)
    told = spark.sparkContext.broadcast((training.objective, training.exact, other, gramian, solution))
    try:
        solved = side.mapInArrow(_solver(told), SOLVED).toArrow().sort_by("first")
    finally:
        told.destroy()
    for first, rows in zip(solved["first"].to_pylist(), solved["rows"], strict=True):
        block = np.frombuffer(rows.as_buffer(), np.float32).reshape(-1, training.rank)
        solution[first : first + len(block)] = block
    return float(sum(solved["cost"].to_pylist()))


def _solver(told: "Broadcast[Half]") -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def solve(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for place in range(batch.num_rows):
                yield _solved(batch.slice(place, 1), *told.value)

    return solve


def _solved(
    block: pa.RecordBatch, objective: Objective, exact: bool, other: Floats, gramian: Floats, solution: Floats
) -> pa.RecordBatch:
    """In a task: one block through the kernel, copied: for arrays it may not write numba compiles anew."""
    first = block["first"][0].as_py()
    starts = np.frombuffer(block["starts"][0].as_buffer(), np.int64).copy()
    columns = np.frombuffer(block["columns"][0].as_buffer(), np.int32).copy()
    ratings = np.frombuffer(block["ratings"][0].as_buffer(), np.float32).copy()
    rows = solution[first : first + len(starts) - 1].copy()
    weights = objective.weights(len(other))
    cost = solve_rows(0, 1, starts, columns, ratings, other, gramian, *weights, exact, rows)
    return pa.RecordBatch.from_pydict({"first": [first], "cost": [cost], "rows": [rows.tobytes()]})
