"""The lake's tables without Spark, for commands that only look: pyiceberg through the Glue catalog."""

import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.expressions import AlwaysTrue, And, BooleanExpression, EqualTo
from pyiceberg.manifest import ManifestFile
from pyiceberg.table import Table

from contracts import s3_layout
from infra.clients import client

DATABASE = "cadabra"
TABLES = ("orders", "rejects", "ledger")
STUDY_TABLES = ("ratings", "items")  # of the last `cadabra study`, if there was one
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def catalog() -> GlueCatalog:
    """Glue's, asked through the client that the process has anyway: making one costs more than asking."""
    glue = client("glue")
    settings = {"s3.region": glue.meta.region_name}
    if endpoint := os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"):
        settings["s3.endpoint"] = endpoint
    return GlueCatalog("lake", client=glue, **settings)


def table(name: str) -> Table | None:
    """None where the table was never made: nothing was ingested."""
    try:
        return catalog().load_table((DATABASE, name))
    except NoSuchTableError:
        return None


def read(
    name: str, columns: tuple[str, ...] = ("*",), where: Mapping[str, str] | None = None
) -> pa.Table | None:
    """The rows whose columns equal `where`; None where the table was never made."""
    found = table(name)
    if found is None:
        return None
    row_filter: BooleanExpression = AlwaysTrue()
    for column, value in (where or {}).items():
        row_filter = And(row_filter, EqualTo(column, value))  # type: ignore[call-arg, arg-type]  # pydantic hides the constructor
    return found.scan(row_filter=row_filter, selected_fields=columns).to_arrow()


def batches(name: str, columns: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
    """All rows of a table, a few at a time."""
    found = table(name)
    if found is not None:
        yield from found.scan(selected_fields=columns).to_arrow_batch_reader()


def newest_order() -> datetime | None:
    """The latest time of an order, from the bounds of the newest day's files: no row is read."""
    orders = table("orders")
    snapshot = orders.current_snapshot() if orders else None
    if orders is None or snapshot is None:
        return None
    time = orders.schema().find_field("time")
    newest = b""
    for manifest in _newest_first(snapshot.manifests(orders.io)):
        if newest and _last_day(manifest) < _days(newest):
            break  # all others end before
        for entry in manifest.fetch_manifest_entry(orders.io):
            bound = (entry.data_file.upper_bounds or {}).get(time.field_id, b"")
            newest = max(newest, bound, key=_micros)
    return _EPOCH + timedelta(microseconds=_micros(newest)) if newest else None


def _newest_first(manifests: Iterable[ManifestFile]) -> list[ManifestFile]:
    return sorted(manifests, key=_last_day, reverse=True)


def _last_day(manifest: ManifestFile) -> int:
    """The last day of any file in it, counted from 1970."""
    upper = manifest.partitions[0].upper_bound if manifest.partitions else None
    return int.from_bytes(upper or b"", "little", signed=True)


def _micros(bound: bytes) -> int:
    """A bound of a timestamp as Iceberg keeps it."""
    return int.from_bytes(bound, "little", signed=True)


def _days(bound: bytes) -> int:
    return _micros(bound) // 86_400_000_000


def register(bucket: str) -> list[str]:
    """Enter the tables that S3 holds into a catalog that lost them; the answer names them.

    The newest metadata file is the table: one run at a time writes it, and a file that was written but not
    committed names only whole data files, whose lines a run that was killed would have committed again.
    """
    glue, registered = catalog(), []
    for table in (*TABLES, *STUDY_TABLES):
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
