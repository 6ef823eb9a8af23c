"""The erasures that are asked for, carried out: by ingest, before it reads anything, under its run's lease.

First everything is counted and noted, then it is removed, place by place, then the receipt is written and the
request goes. Each place is found anew and may be done twice: killed anywhere, the next run ends it.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any
from zoneinfo import ZoneInfo

from pyspark.sql import SparkSession

from contracts.erasure import Request, suppression
from contracts.lists import customer_key
from emr_jobs.erasure import places, raw_objects, requests, tables
from emr_jobs.erasure.places import PLACES
from emr_jobs.lake import commits, iceberg
from emr_jobs.lake.forgetting import forget
from emr_jobs.lake.intake import Lake, batches, take
from emr_jobs.lake.objects import RawObject


@dataclass(frozen=True, slots=True)
class Place:
    """Where it all lies, and the run that may change it."""

    spark: SparkSession
    s3: Any
    dynamodb: Any
    bucket: str
    table: str
    run: int
    zone: ZoneInfo  # the shop's, of times that name none
    check_lease: Callable[[], None]
    report: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Objects:
    """Raw objects by key: those with lines to be erased, and those with marks of any erasure."""

    holding: dict[str, RawObject]
    marked: dict[str, RawObject]


def carry_out(where: Place) -> list[str]:
    """Every erasure that is asked for; the answer is the keys of their receipts."""
    asked = requests.pending(where.s3, where.bucket)
    if not asked:
        return []
    where.report(f"erasures that are asked for: {len(asked)}")
    iceberg.make_tables(where.spark)
    commits.finish(where.spark, where.s3, where.bucket, where.check_lease)  # no table could forget it before
    noted, objects = _survey(where, asked)
    for request in noted:
        where.report(f"customer {request.spoken}: found {_told(request)}")
    _erase_lines(where, noted, objects)
    for request in noted:
        _erase_files(where, request)
    files = sum(
        tables.purge(where.spark, where.s3, layout, where.check_lease)
        for layout in iceberg.layouts(where.spark).values()
    )
    where.report(f"{files:,} files deleted that are no part of the tables any more")
    return [_finish(where, request) for request in noted]


def _finish(where: Place, request: Request) -> str:
    where.check_lease()
    key = requests.finish(where.s3, where.bucket, request, where.run)
    where.report(f"customer {request.spoken} is erased: s3://{where.bucket}/{key}")
    return key


def _survey(where: Place, asked: list[Request]) -> tuple[list[Request], Objects]:
    """The requests with all that was found, and the objects that have to do with them."""
    listed = list(raw_objects.listed(where.s3, where.bucket).values())
    objects, noted = Objects({}, {}), []
    for request in asked:
        held = raw_objects.survey(where.spark, where.bucket, listed, frozenset([request.customer]))
        own = {item.key: item for item in listed if held[item.key].lines}
        objects.holding.update(own)
        objects.marked.update({item.key: item for item in listed if held[item.key].marked})
        found = {
            "raw_lines": sum(one.lines for one in held.values()),
            "raw_objects": len(own),
            requests.DAMAGED: sum(one.damaged for one in held.values()),
            **asdict(tables.survey(where.spark, request.customer)),
            "served_items": _served(where, request.customer),
        }
        for place in PLACES:
            found[place.name] = places.erase(where.s3, where.bucket, place, request.customer, only_look=True)
        where.check_lease()
        noted.append(requests.note(where.s3, where.bucket, request, found))
    return noted, objects


def _erase_lines(where: Place, asked: list[Request], objects: Objects) -> None:
    """Marks in the raw objects; what the tables have of these is forgotten and read anew."""
    customers = frozenset(request.customer for request in asked)
    where.check_lease()
    raw_objects.erase(where.spark, where.bucket, list(objects.holding.values()), customers)
    now = raw_objects.listed(where.s3, where.bucket)
    marked = [now[key] for key in sorted(objects.holding | objects.marked) if key in now]
    erased = suppression(where.s3, where.bucket)
    lake = Lake(where.spark, where.s3, where.bucket, iceberg.layouts(where.spark), where.zone, erased)
    anew = raw_objects.as_they_arrived(where.s3, where.bucket, tables.changed(lake, marked))
    where.report(f"{len(anew):,} raw objects have new marks and are read anew")
    forget(where.spark, (found.key for found in anew), where.check_lease)
    for share in batches(anew):
        take(lake, share, where.run, where.check_lease, where.report)
    for request in asked:
        if gone := tables.delete_rows(where.spark, request.customer, where.check_lease):
            where.report(
                f"WARNING: rows of {len(gone):,} objects deleted that S3 has no more, "
                f"{min(gone)} among them: the ledger counts their lines as before"
            )


def _erase_files(where: Place, request: Request) -> None:
    for place in PLACES:
        where.check_lease()
        places.erase(where.s3, where.bucket, place, request.customer)
    where.check_lease()
    key = {"id": {"S": customer_key(request.customer)}}
    where.dynamodb.delete_item(TableName=where.table, Key=key)


def _served(where: Place, customer: str) -> int:
    key = {"id": {"S": customer_key(customer)}}
    found = where.dynamodb.get_item(TableName=where.table, Key=key, ConsistentRead=True)
    return int("Item" in found)


def _told(request: Request) -> str:
    found = [f"{count:,} {place.replace('_', ' ')}" for place, count in request.found.items() if count]
    return ", ".join(found) or "nothing"
