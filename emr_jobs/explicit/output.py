"""Where a study reads from and writes to, in S3."""

import argparse
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark import TaskContext
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contracts.s3_layout import Version
from emr_jobs.lake.objects import task_s3

FILE_ROWS = 4 << 20  # a Parquet file of ratings: some 20 MB


@dataclass(frozen=True, slots=True)
class Place:
    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def place(text: str) -> Place:
    """An argument as s3://BUCKET/KEY."""
    bucket, _, key = text.removeprefix("s3://").partition("/")
    if not text.startswith("s3://") or not bucket or not key:
        raise argparse.ArgumentTypeError(f"{text!r} is no place such as s3://BUCKET/ratings.csv")
    return Place(bucket, key)


@dataclass(frozen=True, slots=True)
class Output:
    """The folder of one study."""

    s3: Any
    bucket: str
    version: Version

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.version.study}"

    def put(self, name: str, content: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=self.version.study + name, Body=content)

    def put_table(self, rows: DataFrame, name: str) -> int:
        """As Parquet files, written by the tasks; the answer is how many rows they hold."""
        put = _putter(self.bucket, f"{self.version.study}{name}/")
        return int(rows.mapInArrow(put, "rows long").agg(F.sum("rows")).collect()[0][0] or 0)


def _putter(bucket: str, folder: str) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def put(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        context = TaskContext.get()
        part = context.partitionId() if context else 0
        for number, rows in enumerate(_gathered(batches)):
            file = io.BytesIO()
            pq.write_table(rows, file, compression="zstd")
            key = f"{folder}part-{part:05}-{number:03}.parquet"  # the same when the task runs again
            task_s3().put_object(Bucket=bucket, Key=key, Body=file.getvalue())
            yield pa.RecordBatch.from_pydict({"rows": [rows.num_rows]})

    return put


def _gathered(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(rows.num_rows for rows in held) >= FILE_ROWS:
            yield pa.Table.from_batches(held)
            held = []
    if held:
        yield pa.Table.from_batches(held)
