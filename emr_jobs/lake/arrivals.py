"""Which raw objects arrived in some hours, as S3 lists them. Used by ingest, on the driver."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from contracts import s3_layout
from emr_jobs.lake.objects import RawObject

HOUR = timedelta(hours=1)
MANY_HOURS = timedelta(days=60)  # 2,900 requests; as many list 2.9 million objects
# The first key under each of these is the oldest of its layout.
_LAYOUTS = (s3_layout.ORDERS + "year=", s3_layout.ORDERS + "2")


def list_arrivals(s3: Any, bucket: str, first: datetime, last: datetime) -> Iterator[RawObject]:
    """Every raw object that arrived from hour `first` to hour `last`."""
    earliest = start_of_hour(first)
    for page in _pages(s3, bucket, first, last):
        found = map(raw_object, page.get("Contents", ()))
        yield from (item for item in found if item and earliest <= item.arrived < last + HOUR)


def _pages(s3: Any, bucket: str, first: datetime, last: datetime) -> Iterator[dict[str, Any]]:
    """Hour by hour, or all there is where they are many: an hour costs what 1,000 keys do."""
    paginate = s3.get_paginator("list_objects_v2").paginate
    if last - first > MANY_HOURS:
        yield from paginate(Bucket=bucket, Prefix=s3_layout.ORDERS)
        return
    for prefix in s3_layout.arrival_prefixes(first, last):
        yield from paginate(Bucket=bucket, Prefix=prefix)
    yield from paginate(
        Bucket=bucket, Prefix=s3_layout.ORDERS, Delimiter="/"
    )  # laid there by hand, of no hour


def start_of_hour(time: datetime) -> datetime:
    return time.replace(minute=0, second=0, microsecond=0)


def oldest_arrival(s3: Any, bucket: str) -> datetime | None:
    """The hour of the oldest raw object; None where there is none."""
    listed = (s3.list_objects_v2(Bucket=bucket, Prefix=layout, MaxKeys=1) for layout in _LAYOUTS)
    found = (raw_object(page["Contents"][0]) for page in listed if page.get("Contents"))
    return min((item.arrived for item in found if item), default=None)


def raw_object(listed: dict[str, Any]) -> RawObject | None:
    if listed["Key"].endswith("/"):  # a folder some console made
        return None
    arrived = s3_layout.arrival_hour(listed["Key"]) or listed["LastModified"]
    return RawObject(
        listed["Key"], listed["ETag"].strip('"'), listed["Size"], arrived, listed["LastModified"]
    )
