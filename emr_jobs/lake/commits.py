"""Data files become part of their tables: orders, rejects, last the ledger, each in a commit of its own.

What is to be committed is written to S3 first, as a plan. A run that finds a plan commits what is missing of
it, so a kill between two commits leaves nothing half done; no line is read twice for it.
"""

import json
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from pyspark.sql import SparkSession

from contracts import s3_layout
from emr_jobs.lake import iceberg
from emr_jobs.lake.data_files import DataFile

ORDER = ("orders", "rejects", "ledger")  # a ledger row means that all else of the object is in


@dataclass(frozen=True, slots=True)
class Plan:
    """The files of one batch of objects; `token` is in the name of each and in its snapshots."""

    token: str
    files: tuple[DataFile, ...]

    def of(self, table: str) -> list[DataFile]:
        return [file for file in self.files if file.table == table]


def new_token(run: int) -> str:
    return f"{run}-{uuid.uuid4().hex[:12]}"


def commit(spark: SparkSession, s3: Any, bucket: str, plan: Plan, check_lease: Callable[[], None]) -> None:
    """All of the plan, or nothing that a later `finish` would not complete."""
    check_lease()
    body = json.dumps({"token": plan.token, "files": [asdict(file) for file in plan.files]})
    s3.put_object(Bucket=bucket, Key=s3_layout.INGEST_PLAN, Body=body.encode())
    _carry_out(spark, s3, bucket, plan, check_lease)


def finish(spark: SparkSession, s3: Any, bucket: str, check_lease: Callable[[], None]) -> Plan | None:
    """What an interrupted run had begun to commit; None where there is nothing to finish."""
    try:
        found = json.loads(s3.get_object(Bucket=bucket, Key=s3_layout.INGEST_PLAN)["Body"].read())
    except s3.exceptions.NoSuchKey:
        return None
    plan = Plan(found["token"], tuple(DataFile(**file) for file in found["files"]))
    _carry_out(spark, s3, bucket, plan, check_lease)
    return plan


def _carry_out(
    spark: SparkSession, s3: Any, bucket: str, plan: Plan, check_lease: Callable[[], None]
) -> None:
    for table in ORDER:
        if files := plan.of(table):
            check_lease()
            iceberg.append(spark, table, files, plan.token)
    check_lease()
    s3.delete_object(Bucket=bucket, Key=s3_layout.INGEST_PLAN)
