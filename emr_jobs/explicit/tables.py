"""The lake's tables of the last study: grain and columns. A study writes them anew, each in one commit."""

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from emr_jobs.lake.tables import full_name

# Grain: a user and an item, rated once. time is 1970 where the file has none.
RATINGS = {"user": "string", "item": "string", "rating": "double", "time": "timestamp"}
# Grain: an item. title is the item itself where it has none.
ITEMS = {"item": "string", "title": "string", "genres": "array<string>"}
TABLES = {"ratings": RATINGS, "items": ITEMS}


def replace(spark: SparkSession, table: str, rows: DataFrame) -> DataFrame:
    """The table with these rows and no others; earlier ones stay in its snapshots."""
    columns = ", ".join(f"`{name}` {kind} NOT NULL" for name, kind in TABLES[table].items())
    name = full_name(table)
    spark.sql(
        f"CREATE TABLE IF NOT EXISTS {name} ({columns}) USING iceberg TBLPROPERTIES ('format-version' = '2')"
    )
    chosen = rows.select(*(F.col(column).cast(kind) for column, kind in TABLES[table].items()))
    chosen.writeTo(name).option("check-nullability", "false").overwrite(F.lit(True))
    return spark.table(name)
