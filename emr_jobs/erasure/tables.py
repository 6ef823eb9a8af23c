"""The lake's tables: what they have of a customer goes, and no file of theirs is left that held it.

Objects with new marks are forgotten and read anew, as for `cadabra retrain --rebuild`: so the ledger's fates
are counted from the marks that stand in S3, not calculated.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from contracts.erasure import tokens
from emr_jobs.lake import tables
from emr_jobs.lake.accounts import Ledger
from emr_jobs.lake.data_files import Layout
from emr_jobs.lake.intake import Lake
from emr_jobs.lake.objects import RawObject

_DELETE_BATCH = 1_000  # DeleteObjects' limit
CheckLease = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Stored:
    """The rows that hold a customer."""

    orders: int
    rejects: int


def survey(spark: SparkSession, customer: str) -> Stored:
    return Stored(_orders(spark, customer).count(), len(_rejects(spark, customer)))


def changed(lake: Lake, objects: Iterable[RawObject]) -> list[RawObject]:
    """Those of these objects that the ledger does not have as they are now."""
    known = Ledger.read(lake.spark, lake.s3, lake.layouts["ledger"]).etags()
    return [found for found in objects if known.get(found.key) != found.etag]


def delete_rows(spark: SparkSession, customer: str, check_lease: CheckLease) -> set[str]:
    """Rows of objects that S3 has no more; the answer is their keys, whose counts stay as they were."""
    objects = {row[0] for row in _orders(spark, customer).select("object").distinct().collect()}
    rejects = _rejects(spark, customer)
    if objects:
        check_lease()
        _delete(spark, "orders", f"customer = {_literal(customer)}")
    if rejects:
        check_lease()
        lines = (f"(object = {_literal(key)} AND line = {line})" for key, line in rejects)
        _delete(spark, "rejects", " OR ".join(lines))
    return objects | {key for key, _ in rejects}


def _delete(spark: SparkSession, table: str, where: str) -> None:
    spark.sql(f"DELETE FROM {tables.full_name(table)} WHERE {where}")


def _literal(text: str) -> str:
    """Spark binds no parameters in a DELETE."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def purge(spark: SparkSession, s3: Any, layout: Layout, check_lease: CheckLease) -> int:
    """Every snapshot but the present one goes, and every file that it does not reach; how many these were.

    Under the lease nobody else writes: what the table does not know was left by a run that is dead.
    """
    name = tables.full_name(layout.table)
    check_lease()
    now = f"TIMESTAMP '{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}'"
    expired = spark.sql(
        f"CALL {tables.CATALOG}.system.expire_snapshots"
        f"(table => '{name}', older_than => {now}, retain_last => 1)"
    ).collect()[0]
    known = _reachable(spark, name)
    folder = layout.prefix.removesuffix("data/")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=layout.bucket, Prefix=folder)
    keys = [found["Key"] for page in pages for found in page.get("Contents", ())]
    lost = [key for key in keys if f"s3://{layout.bucket}/{key}" not in known]
    check_lease()
    for first in range(0, len(lost), _DELETE_BATCH):
        objects = [{"Key": key} for key in lost[first : first + _DELETE_BATCH]]
        s3.delete_objects(Bucket=layout.bucket, Delete={"Objects": objects, "Quiet": True})
    return len(lost) + sum(expired)


def _reachable(spark: SparkSession, name: str) -> set[str]:
    """Where the files of the table lie that it knows of."""
    columns = {
        "all_files": "file_path",
        "all_manifests": "path",
        "snapshots": "manifest_list",
        "metadata_log_entries": "file",
    }
    found = (spark.table(f"{name}.{table}").select(column) for table, column in columns.items())
    return {row[0] for rows in found for row in rows.collect()}


def _orders(spark: SparkSession, customer: str) -> DataFrame:
    return spark.table(tables.full_name("orders")).where(F.col("customer") == customer)


def _rejects(spark: SparkSession, customer: str) -> list[tuple[str, int]]:
    """Object and line of the rejects whose bytes hold the customer as a token."""
    holds = F.instr(F.decode("raw", "ISO-8859-1"), customer) > 0
    found = spark.table(tables.full_name("rejects")).where(holds).select("object", "line", "raw").collect()
    return [(row["object"], row["line"]) for row in found if customer in set(tokens(bytes(row["raw"])))]
