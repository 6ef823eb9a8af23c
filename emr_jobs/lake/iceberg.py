"""Iceberg's own Java API, through Spark's gateway: what its SQL cannot say. Used by ingest, on the driver.

An append of files that are there already costs a commit and nothing else; an INSERT would write them again.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql.types import StructType

from emr_jobs.lake import data_files, tables
from emr_jobs.lake.data_files import DataFile, Layout

_MARK = "cadabra.commit"  # in a snapshot's summary: the token it was made under
_FILES_AT_ONCE = 8  # asked of S3


class OtherColumnsError(RuntimeError):
    """A table was made by another version of Cadabra."""


def make_tables(spark: SparkSession) -> None:
    """The tables that are not there yet; OtherColumnsError where one has columns that are not ours."""
    for table, columns in tables.TABLES.items():
        spark.sql(tables.create_statement(table))
        wanted = StructType.fromDDL(", ".join(f"`{name}` {kind}" for name, kind in columns.items()))
        found = spark.table(tables.full_name(table)).schema
        if found.simpleString() != wanted.simpleString():
            raise OtherColumnsError(
                f"{tables.full_name(table)} was made by another version of Cadabra: it has "
                f"{found.simpleString()}, not {wanted.simpleString()}. Every line is in S3 still: delete "
                f"the tables {', '.join(tables.TABLES)} of the Glue database {tables.DATABASE}, then run "
                "`cadabra retrain --rebuild all`"
            )


def layouts(spark: SparkSession) -> dict[str, Layout]:
    """Of every table, as the catalog describes it now."""
    return {name: _layout(spark, name) for name in tables.TABLES}


def append(spark: SparkSession, table: str, files: list[DataFile], token: str) -> None:
    """One snapshot with these files, unless the table has it already.

    Another's commit in between is no obstacle: Iceberg tries again on top of it.
    """
    found = _load(spark, table)
    if token in _marks(found):
        return
    java, spec, io = _java(spark), found.spec(), found.io()
    bucket, _ = _place(found)
    metrics = java.MetricsConfig.forTable(found)

    def described(file: DataFile) -> Any:
        path = f"s3://{bucket}/{file.key}"
        return (
            java.DataFiles.builder(spec)
            .withPath(path)
            .withFormat("parquet")
            .withFileSizeInBytes(file.bytes)
            .withPartitionPath(file.partition)
            .withMetrics(java.parquet.ParquetUtil.fileMetrics(io.newInputFile(path), metrics))
            .build()
        )

    snapshot = found.newAppend()
    with ThreadPoolExecutor(_FILES_AT_ONCE) as pool:
        for data_file in pool.map(described, files):
            snapshot.appendFile(data_file)
    snapshot.set(_MARK, token)
    snapshot.commit()


def read(spark: SparkSession, s3: Any, layout: Layout, columns: list[str]) -> list[pa.Table]:
    """Some columns of a small table, a piece for each of its files: Spark would take a second to plan it."""
    planned = _load(spark, layout.table).newScan().planFiles()
    try:
        keys = [_key(task, layout) for task in _each(planned.iterator())]
    finally:
        planned.close()
    with ThreadPoolExecutor(_FILES_AT_ONCE) as pool:
        return list(pool.map(lambda key: data_files.read(s3, layout, key, columns), keys))


def _key(task: Any, layout: Layout) -> str:
    if not task.deletes().isEmpty():
        raise OtherColumnsError(f"{layout.table} has delete files, which Cadabra does not write: compact it")
    location: str = task.file().location()
    return location.removeprefix(f"s3://{layout.bucket}/")


def _each(iterator: Any) -> Iterable[Any]:
    while iterator.hasNext():
        yield iterator.next()


def _marks(table: Any) -> Iterable[str]:
    """The tokens of a table's kept snapshots."""
    return {str(snapshot.summary().get(_MARK)) for snapshot in table.snapshots()}


def _layout(spark: SparkSession, table: str) -> Layout:
    found = _load(spark, table)
    bucket, folder = _place(found)
    partition = found.spec().fields().get(0).name()
    time = tables.PARTITIONS[table].partition("(")[2].rstrip(")")
    columns = _java(spark).SchemaParser.toJson(found.schema())
    return Layout(table, bucket, f"{folder}/data/", partition, time, columns)


def _load(spark: SparkSession, table: str) -> Any:
    session = spark._jsparkSession  # noqa: SLF001 (the only way to its Java twin)
    return _java(spark).spark.Spark3Util.loadIcebergTable(session, tables.full_name(table))


def _java(spark: SparkSession) -> Any:
    """The package org.apache.iceberg."""
    gateway: Any = spark._jvm  # noqa: SLF001 (there is no other)
    return gateway.org.apache.iceberg


def _place(table: Any) -> tuple[str, str]:
    """The bucket and the folder of a table's files."""
    bucket, _, folder = table.location().partition("://")[2].partition("/")
    return bucket, folder.rstrip("/")
