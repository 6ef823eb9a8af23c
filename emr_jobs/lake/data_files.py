"""Parquet files as Iceberg wants them, one for each day of a table. Tasks write them, the driver commits.

A file is no part of its table until it is committed: what a killed task leaves behind, nobody reads.
"""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

GROUP_ROWS = 1 << 17  # a row group of orders is some 4 MiB, and what a task holds of a day uncompressed 40
_FORM: dict[str, Any] = {"compression": "zstd", "store_decimal_as_integer": True}
_SUFFIX = ".parquet"
_EPOCH = date(1970, 1, 1)
_DAY_US = 86_400_000_000
_TYPES = {
    "int": pa.int32(),
    "long": pa.int64(),
    "string": pa.string(),
    "binary": pa.binary(),
    "timestamptz": pa.timestamp("us", "UTC"),
}


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a table's files go, and their columns: Iceberg's own JSON, for its field ids."""

    table: str
    bucket: str
    prefix: str  # of data files, with its slash
    partition: str  # the partition field's name
    time: str  # the column the day is taken from
    columns: str

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([_field(column) for column in json.loads(self.columns)["fields"]])


@dataclass(frozen=True, slots=True)
class DataFile:
    table: str
    key: str
    partition: str  # as time_day=2026-11-20
    bytes: int
    rows: int
    objects: tuple[str, ...] = ()  # whose lines it holds, where that must be known before the commit


def _field(column: dict[str, Any]) -> pa.Field:
    return _numbered(column["name"], column["type"], column["id"], required=column["required"])


def _numbered(name: str, kind: Any, number: int, *, required: bool) -> pa.Field:
    return pa.field(name, _type(kind), not required, {"PARQUET:field_id": str(number)})


def _type(kind: Any) -> pa.DataType:
    if isinstance(kind, str):
        if kind.startswith("decimal("):
            return pa.decimal128(*map(int, kind[8:-1].split(",")))
        return _TYPES[kind]
    if kind["type"] == "struct":
        return pa.struct([_field(column) for column in kind["fields"]])
    element = _numbered("element", kind["element"], kind["element-id"], required=kind["element-required"])
    return pa.list_(element)


@dataclass(slots=True)
class _Day:
    """One file that is being written."""

    schema: pa.Schema
    sink: io.BytesIO = field(default_factory=io.BytesIO)
    writer: Any = None
    held: list[pa.RecordBatch] = field(default_factory=list)
    rows: int = 0
    held_rows: int = 0
    objects: set[str] = field(default_factory=set)

    def add(self, rows: pa.RecordBatch) -> None:
        self.held.append(rows)
        self.rows += rows.num_rows
        self.held_rows += rows.num_rows
        if self.held_rows >= GROUP_ROWS:
            self.flush()

    def flush(self) -> None:
        self.writer = self.writer or parquet.ParquetWriter(self.sink, self.schema, **_FORM)
        self.writer.write_table(pa.Table.from_batches(self.held, self.schema), row_group_size=GROUP_ROWS)
        self.held.clear()
        self.held_rows = 0


class DayFiles:
    """Rows of one table, dealt to one file for each day; `name` is part of every file's name."""

    def __init__(self, layout: Layout, name: str) -> None:
        self._layout, self._name = layout, name
        self._schema = layout.schema
        self._days: dict[int, _Day] = {}

    def add(self, rows: pa.RecordBatch, source_object: str = "") -> None:
        """Rows with the table's columns; `source_object` is the one they are all of."""
        if not rows.num_rows:
            return
        shaped = pa.RecordBatch.from_arrays([rows[name] for name in self._schema.names], schema=self._schema)
        for number, part in _by_day(shaped, rows[self._layout.time]):
            day = self._days.setdefault(number, _Day(self._schema))
            day.add(part)
            day.objects.add(source_object)

    def put(self, s3: Any) -> Iterator[DataFile]:
        """Every file into S3."""
        for number, day in sorted(self._days.items()):
            day.flush()
            day.writer.close()
            content = day.sink.getbuffer()
            partition = f"{self._layout.partition}={_EPOCH + timedelta(days=number)}"
            key = f"{self._layout.prefix}{partition}/{self._name}{_SUFFIX}"
            s3.put_object(Bucket=self._layout.bucket, Key=key, Body=content.tobytes())
            yield DataFile(
                self._layout.table, key, partition, len(content), day.rows, tuple(sorted(day.objects))
            )
        self._days.clear()


def _by_day(rows: pa.RecordBatch, times: pa.Array) -> Iterator[tuple[int, pa.RecordBatch]]:
    days = np.floor_divide(np.asarray(times.cast(pa.int64())), _DAY_US)
    if days[0] == days.min() == days.max():
        yield int(days[0]), rows
        return
    for day in np.unique(days):
        yield int(day), rows.filter(pa.array(days == day))


def read(s3: Any, layout: Layout, key: str, columns: list[str] | None = None) -> pa.Table:
    content = s3.get_object(Bucket=layout.bucket, Key=key)["Body"].read()
    return parquet.ParquetFile(io.BytesIO(content)).read(columns)


def rewrite(s3: Any, layout: Layout, file: DataFile, rows: pa.Table) -> DataFile | None:
    """These rows of the file as another beside it, so that whoever is interrupted can begin again.

    None, and no file, where there are no rows.
    """
    if not rows.num_rows:
        return None
    content = io.BytesIO()
    parquet.write_table(rows.cast(layout.schema), content, **_FORM)
    key = file.key.removesuffix(_SUFFIX) + "-once" + _SUFFIX
    s3.put_object(Bucket=layout.bucket, Key=key, Body=content.getvalue())
    return replace(file, key=key, bytes=content.tell(), rows=rows.num_rows)
