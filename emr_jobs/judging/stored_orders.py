"""The lake's orders without Spark: a laptop reads a table of some million lines through pyiceberg in seconds.

Used by backtest; the retrain step reads the same columns with its Spark.
"""

import os

import boto3
import pyarrow.compute as pc
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.exceptions import NoSuchTableError

from emr_jobs.judging import first_names
from emr_jobs.lake import tables
from emr_jobs.orders import COLUMNS, USED_FATES, Orders, from_arrow


class NoLakeError(RuntimeError):
    """There are no stored orders to judge by."""


def read() -> Orders:
    fates = ", ".join(f"'{fate}'" for fate in USED_FATES)
    try:
        table = _catalog().load_table((tables.DATABASE, "orders"))
    except NoSuchTableError as error:
        raise NoLakeError(
            "the lake has no table of orders yet: ingest makes it from the first ones"
        ) from error
    wanted = (*COLUMNS, first_names.COLUMN)
    lines = table.scan(row_filter=f"fate in ({fates})", selected_fields=wanted).to_arrow()
    if not lines.num_rows:
        raise NoLakeError("the lake's table of orders is empty: ship some, ingest lands them")
    price = pc.cast(lines["unit_price"], "float32")
    lines = lines.set_column(lines.schema.get_field_index("unit_price"), "unit_price", price)
    return from_arrow(lines).named(first_names.first_names(lines))


def _catalog() -> GlueCatalog:
    glue = boto3.client("glue")
    settings = {"s3.region": glue.meta.region_name}
    if endpoint := os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"):
        settings["s3.endpoint"] = endpoint  # pyarrow's own S3 reads no such variable
    return GlueCatalog("lake", client=glue, **settings)
