"""The order lines in S3's raw objects: found by reading all of them in Spark tasks, replaced by marks."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pyspark.sql import SparkSession

from contracts.s3_layout import ORDERS
from emr_jobs.lake import erased_objects
from emr_jobs.lake.arrivals import raw_object
from emr_jobs.lake.erased_objects import Held
from emr_jobs.lake.intake import batches
from emr_jobs.lake.objects import RawObject, read_pieces, task_s3

TASK_BYTES = 64 << 20  # compressed
TASKS_PER_CORE = 2

Customers = frozenset[str]


@dataclass(frozen=True, slots=True)
class Search:
    """What a task needs to know a line that is to be erased; the expression is made once in each process."""

    customers: Customers

    def covers(self, customer: str) -> bool:
        return customer in self.customers

    def hint(self, lines: bytes) -> bool:
        """Most lines hold no id anywhere: they are never read."""
        return re.search(b"|".join(re.escape(name.encode()) for name in self.customers), lines) is not None


def listed(s3: Any, bucket: str) -> dict[str, RawObject]:
    """Every raw object there is, by key."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=ORDERS)
    found = (raw_object(item) for page in pages for item in page.get("Contents", ()))
    return {item.key: item for item in found if item}


def survey(
    spark: SparkSession, bucket: str, objects: Sequence[RawObject], customers: Customers
) -> dict[str, Held]:
    """What each object has to do with the erasure of these customers."""
    search = Search(customers)
    found = _over(spark, objects, partial(_survey_one, bucket, search))
    return dict(zip((item.key for item in objects), found, strict=True))


def erase(spark: SparkSession, bucket: str, objects: Sequence[RawObject], customers: Customers) -> None:
    """Marks in place of the customers' lines."""
    _over(spark, objects, partial(_erase_one, bucket, Search(customers)))


def as_they_arrived(s3: Any, bucket: str, objects: Iterable[RawObject]) -> list[RawObject]:
    """These objects, but not younger than the lines they hold."""
    return [
        erased_objects.as_it_arrived(item, s3.head_object(Bucket=bucket, Key=item.key)["Metadata"])
        for item in objects
    ]


def _survey_one(bucket: str, search: Search, found: RawObject) -> Held:
    return erased_objects.survey(read_pieces(bucket, found.key), search.covers, search.hint)


def _erase_one(bucket: str, search: Search, found: RawObject) -> RawObject:
    return erased_objects.rewrite(task_s3(), bucket, found, search.covers, search.hint)


def _over(spark: SparkSession, objects: Sequence[RawObject], step: Any) -> list[Any]:
    """The step over each object, objects that follow each other in one task."""
    if not objects:
        return []
    size = sum(item.bytes for item in objects)
    share = min(TASK_BYTES, size // (TASKS_PER_CORE * spark.sparkContext.defaultParallelism) + 1)
    deals = list(batches(objects, share))
    made = spark.sparkContext.parallelize(deals, len(deals)).map(partial(_each, step)).collect()
    return [one for deal in made for one in deal]


def _each(step: Any, deal: Iterable[RawObject]) -> list[Any]:
    return [step(item) for item in deal]
