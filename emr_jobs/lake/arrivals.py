"""Which raw objects arrived in some hours, as S3 lists them. Used by ingest, on the driver."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from contracts import s3_layout
from emr_jobs.lake.objects import RawObject

HOUR = timedelta(hours=1)
# The first key under each of these is the oldest of its layout.
_LAYOUTS = (s3_layout.ORDERS + "year=", s3_layout.ORDERS + "2")


def list_arrivals(s3: Any, bucket: str, first: datetime, last: datetime) -> Iterator[RawObject]:
    """Every raw object that arrived from hour `first` to hour `last`."""
    pages = s3.get_paginator("list_objects_v2")
    earliest = start_of_hour(first)
    for prefix in s3_layout.arrival_prefixes(first, last):
        for page in pages.paginate(Bucket=bucket, Prefix=prefix):
            found = map(raw_object, page.get("Contents", ()))
            # The literal prefix holds every hour there is.
            yield from (item for item in found if item and earliest <= item.arrived < last + HOUR)


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
