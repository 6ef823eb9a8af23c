"""The lake's tables without Spark, for commands that only look: pyiceberg through the Glue catalog."""

import os
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.expressions import AlwaysTrue, And, BooleanExpression, EqualTo

from contracts import s3_layout
from infra.clients import client

DATABASE = "cadabra"
TABLES = ("orders", "rejects", "ledger")


def catalog() -> Catalog:
    region = client("glue").meta.region_name
    settings = {"type": "glue", "glue.region": region, "s3.region": region}
    if endpoint := os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"):
        settings["s3.endpoint"] = endpoint
    return load_catalog("lake", **settings)


def read(
    table: str, columns: tuple[str, ...] = ("*",), where: Mapping[str, str] | None = None
) -> pa.Table | None:
    """The rows whose columns equal `where`, or None where the table was never made: nothing was ingested."""
    try:
        found = catalog().load_table((DATABASE, table))
    except NoSuchTableError:
        return None
    row_filter: BooleanExpression = AlwaysTrue()
    for column, value in (where or {}).items():
        row_filter = And(row_filter, EqualTo(column, value))  # type: ignore[call-arg, arg-type]  # pydantic hides the constructor
    return found.scan(row_filter=row_filter, selected_fields=columns).to_arrow()


def register(bucket: str) -> list[str]:
    """Enter the tables that S3 holds into a catalog that lost them; the answer names them.

    The newest metadata file is the table: one run at a time writes it, and a file that was written but not
    committed names only whole data files, whose lines a run that was killed would have committed again.
    """
    glue, registered = catalog(), []
    for table in TABLES:
        newest = _newest_metadata(bucket, table)
        if newest and not glue.table_exists((DATABASE, table)):
            glue.register_table((DATABASE, table), f"s3://{bucket}/{newest}")
            registered.append(table)
    return registered


def _newest_metadata(bucket: str, table: str) -> str | None:
    pages = client("s3").get_paginator("list_objects_v2")
    found: list[dict[str, Any]] = []
    for page in pages.paginate(Bucket=bucket, Prefix=f"{s3_layout.LAKE}{table}/metadata/"):
        found += [item for item in page.get("Contents", ()) if item["Key"].endswith(".metadata.json")]
    newest = max(found, key=lambda item: (_serial(item["Key"]), item["LastModified"]), default=None)
    return newest["Key"] if newest else None


def _serial(key: str) -> int:
    """Metadata files are numbered: 00012-<uuid>.metadata.json."""
    return int(key.rpartition("/")[2].partition("-")[0])
