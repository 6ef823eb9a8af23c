"""What the lake has of some objects is taken out of its tables, so that they can be read anew. For ingest.

Between this and the commit of what was read anew, whoever asks the tables does not see these lines.
"""

from collections.abc import Callable, Iterable

from pyspark.sql import SparkSession

from emr_jobs.lake import tables
from emr_jobs.lake.commits import ORDER

_VIEW = "forgotten_objects"


def forget(spark: SparkSession, objects: Iterable[str], check_lease: Callable[[], None]) -> None:
    """The ledger is last: until then a run that is interrupted here finds all of them again."""
    rows = [(key,) for key in sorted(objects)]
    if not rows:
        return
    spark.createDataFrame(rows, "object string").createOrReplaceTempView(_VIEW)
    for table in ORDER:
        check_lease()
        name = tables.full_name(table)
        spark.sql(f"DELETE FROM {name} WHERE object IN (SELECT object FROM {_VIEW})")
    spark.catalog.dropTempView(_VIEW)
