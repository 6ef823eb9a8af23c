"""The ratings as blocks of rows, both ways, kept by Spark: what models train on and are judged by.

Only the names of users and items, and how often each was rated, come to the driver: nothing there grows with
the ratings.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from emr_jobs.als.kernel import Floats, Ints, Longs
from emr_jobs.als.spark import cut
from emr_jobs.explicit.folds import Folds, Parts

BLOCK_RATINGS = 1 << 18  # 2.3 MB: many blocks for each core, few rows for Spark
FEW_RATINGS = 4_000_000  # 80 MB, held both ways by one task

# Grain: consecutive rows of one side. `starts` counts from the block's first rating.
BLOCK = "first long, starts binary, columns binary, ratings binary, parts binary"
_BLOCK = pa.schema(
    [("first", pa.int64()), *((name, pa.binary()) for name in ("starts", "columns", "ratings", "parts"))]
)


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows of a side with all their ratings; `parts` says which part of the ratings each belongs to."""

    first: int
    starts: Longs
    columns: Ints
    ratings: Floats
    parts: Parts

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def rows(self) -> Longs:
        """Of each rating, counted from the block's first."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    def where(self, chosen: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> "Block":
        starts = np.append(0, np.cumsum(chosen))[self.starts].astype(np.int64)
        return Block(self.first, starts, self.columns[chosen], self.ratings[chosen], self.parts[chosen])


@dataclass(frozen=True, slots=True)
class Side:
    """The users, or the items: a row for each name, in order, and where the blocks of rows begin."""

    names: pa.StringArray
    bounds: Longs

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, slots=True)
class Ratings:
    """A study's ratings as the models see them."""

    users: Side
    items: Side
    by_user: DataFrame  # rows of BLOCK
    by_item: DataFrame
    folds: Folds
    sums: dict[int, tuple[int, float]]  # of each part: how many ratings, and their sum

    @property
    def few(self) -> bool:
        """Whether one task may hold them all."""
        return sum(count for count, _ in self.sums.values()) <= FEW_RATINGS

    def forget(self) -> None:
        self.by_user.unpersist()
        self.by_item.unpersist()


def ratings(spark: SparkSession, table: DataFrame, folds: Folds) -> Ratings:
    """Rows of tables.RATINGS as blocks."""
    users, items = (_side(table, name) for name in ("user", "item"))
    rows = (
        table.join(F.broadcast(_numbered(spark, users, "user")), "user")
        .join(F.broadcast(_numbered(spark, items, "item")), "item")
        .select(
            *("user_row", "user_block", "item_row", "item_block"),
            F.col("rating").cast("float").alias("rating"),
            folds.part("user", "item").alias("part"),
        )
    )
    by_user, by_item = _packed(rows, "user", "item"), _packed(rows, "item", "user")
    summed = rows.groupBy("part").agg(F.count(F.lit(1)), F.sum("rating")).collect()
    sums = {part: (int(count), float(total)) for part, count, total in summed}
    return Ratings(users, items, by_user, by_item, folds, sums)


def blocks(batch: pa.RecordBatch) -> Iterator[Block]:
    """In a task: the blocks of a batch, copied: for arrays it may not write numba compiles anew."""
    kinds = {"starts": np.int64, "columns": np.int32, "ratings": np.float32, "parts": np.int8}
    for place, first in enumerate(batch["first"].to_pylist()):
        arrays = {
            name: np.frombuffer(batch[name][place].as_buffer(), kind).copy() for name, kind in kinds.items()
        }
        yield Block(first, **arrays)


def gathered(held: list[Block]) -> Block:
    """One block of all the blocks of a side, whatever their order."""
    held = sorted(held, key=lambda block: block.first)
    starts = np.append(0, np.cumsum(np.concatenate([np.diff(block.starts) for block in held])))
    arrays = ([getattr(block, name) for block in held] for name in ("columns", "ratings", "parts"))
    return Block(0, starts.astype(np.int64), *map(np.concatenate, arrays))


def turned(block: Block, columns: int) -> Block:
    """The same ratings by column, of which there are so many."""
    order = np.argsort(block.columns, kind="stable")
    counts = np.bincount(block.columns, minlength=columns)
    starts = np.append(0, np.cumsum(counts)).astype(np.int64)
    return Block(0, starts, block.rows[order].astype(np.int32), block.ratings[order], block.parts[order])


def _side(table: DataFrame, name: str) -> Side:
    counted = table.groupBy(name).agg(F.count(F.lit(1)).alias("count")).toArrow()
    counted = counted.append_column("length", pc.utf8_length(counted[name]))
    counted = counted.sort_by([("length", "ascending"), (name, "ascending")])  # numbers as one counts
    starts = np.append(0, np.cumsum(counted["count"].to_numpy()))
    return Side(counted[name].combine_chunks(), cut(starts, BLOCK_RATINGS))


def _numbered(spark: SparkSession, side: Side, name: str) -> DataFrame:
    rows = np.arange(len(side), dtype=np.int32)
    block = (np.searchsorted(side.bounds, rows, "right") - 1).astype(np.int32)
    return spark.createDataFrame(pa.table({name: side.names, f"{name}_row": rows, f"{name}_block": block}))


def _packed(rows: DataFrame, own: str, other: str) -> DataFrame:
    """The blocks of one side, kept."""
    columns = (F.col(f"{own}_row").alias("row"), F.col(f"{other}_row").alias("column"), "rating", "part")
    dealt = rows.select(F.col(f"{own}_block").alias("block"), *columns)
    packed = dealt.groupBy("block").applyInArrow(_pack, BLOCK)
    packed.persist(StorageLevel.MEMORY_AND_DISK).count()
    return packed


def _pack(rows: pa.Table) -> pa.Table:
    row, column = rows["row"].to_numpy(), rows["column"].to_numpy()
    order = np.lexsort((column, row))
    first = int(row[order[0]])
    counts = np.bincount(row - first)
    block = {
        "first": [first],
        "starts": [np.append(0, np.cumsum(counts)).astype(np.int64).tobytes()],
        "columns": [column[order].astype(np.int32).tobytes()],
        "ratings": [rows["rating"].to_numpy()[order].astype(np.float32).tobytes()],
        "parts": [rows["part"].to_numpy()[order].astype(np.int8).tobytes()],
    }
    return pa.table(block, schema=_BLOCK)
