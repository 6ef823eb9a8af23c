"""What is to become of each landed line: stored now, stored before, or a double. Pure; called by ingest.

A line is known by its event id; one whose id cannot be read, by where it landed. Of the lines with one id the
one that is stored is kept, else the first by (object, line). Only the few ids that came twice or are stored
travel; the lines stay where they are.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contracts.order_line import Fate

_KEY = "if(event_id <> '', event_id, concat(object, '#', line)) AS key"
_PLACE = "struct(object, line) AS place"


def kept(landed: DataFrame, stored: DataFrame) -> DataFrame:
    """For each key that landed twice or is stored: the place of the copy that counts, and if it `is_stored`.

    `stored` has event_id, object and line of what the tables hold.
    """
    there = stored.selectExpr(_KEY, _PLACE).groupBy("key").agg(F.min("place").alias("stored"))
    copies = landed.selectExpr(_KEY, _PLACE).groupBy("key")
    return (
        copies.agg(F.min("place").alias("first"), F.count("*").alias("copies"))
        .join(there, on="key", how="left")
        .where("copies > 1 OR stored IS NOT NULL")
        .selectExpr("key", "coalesce(stored, first) AS kept", "stored IS NOT NULL AS is_stored")
    )


def judge(landed: DataFrame, known: DataFrame) -> DataFrame:
    """The landed lines with `fate` told in the light of `known` (see `kept`), and `fresh`: to be stored now.

    A stored id from another place makes a duplicate; from the same place it is a rerun.
    """
    double = F.col("kept").isNotNull() & (F.col("kept") != F.col("place"))
    keyed = landed.selectExpr("*", _KEY, _PLACE).join(known, on="key", how="left")
    return keyed.select(
        *(name for name in landed.columns if name != "fate"),
        F.when(double, Fate.DUPLICATE.value).otherwise(F.col("fate")).alias("fate"),
        (~double & ~F.coalesce("is_stored", F.lit(False))).alias("fresh"),
    )
