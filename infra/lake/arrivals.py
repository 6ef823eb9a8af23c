"""What arrived in S3: raw objects, hours without any, objects that no run has taken. For `cadabra status`."""

from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pyarrow.fs import FileSelector, FileType, S3FileSystem

from contracts import s3_layout

HOUR = timedelta(hours=1)
WINDOW = timedelta(hours=26)  # how far before the last run the next one looks by itself
LISTINGS_AT_ONCE = 8  # a month each; S3 answers a thousand keys at a time
_MONTH_DEPTH = 2  # year=2026/month=11/ below the prefix
USUAL_WEEKS = 3  # what is usual takes so many weeks to show


@dataclass(frozen=True, slots=True)
class Arrived:
    key: str
    time: datetime  # the hour its key tells, or when S3 got it


@dataclass(frozen=True, slots=True)
class Silence:
    """Hours between the first and the newest with objects in which nothing arrived, as against most weeks."""

    hours: int
    of: int
    ranges: tuple[tuple[datetime, datetime], ...]  # the first and the last hour of each

    def __bool__(self) -> bool:
        return bool(self.hours)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Objects that nobody has taken."""

    count: int
    oldest: datetime | None

    @classmethod
    def of(cls, objects: Iterable[Arrived]) -> "Waiting":
        times = [found.time for found in objects]
        return cls(len(times), min(times, default=None))

    def overlooked(self, newest_run: datetime | None) -> bool:
        """Whether the oldest is beyond what the next run looks at by itself."""
        if self.oldest is None or newest_run is None:  # the first run begins with the oldest
            return False
        return self.oldest < _start_of_hour(newest_run - WINDOW)


def listed(s3: Any, files: S3FileSystem, bucket: str, prefix: str) -> Iterator[Arrived]:
    """Every object under a prefix such as orders/, several months of it at a time."""
    months: list[str] = []
    yield from _above(s3, bucket, prefix, _MONTH_DEPTH, months)
    with ThreadPoolExecutor(LISTINGS_AT_ONCE) as pool:
        for found in pool.map(lambda month: _month(files, bucket, month), months):
            yield from found


def _above(s3: Any, bucket: str, prefix: str, depth: int, folders: list[str]) -> Iterator[Arrived]:
    """The objects that lie above the folders of this depth; the folders are added to `folders`."""
    if not depth:
        folders.append(prefix)
        return
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, Delimiter="/"):
        for item in page.get("Contents", ()):
            if not item["Key"].endswith("/"):  # a folder some console made
                yield _arrived(item["Key"], item["LastModified"])
        for folder in page.get("CommonPrefixes", ()):
            yield from _above(s3, bucket, folder["Prefix"], depth - 1, folders)


def _month(files: S3FileSystem, bucket: str, folder: str) -> list[Arrived]:
    found = files.get_file_info(FileSelector(f"{bucket}/{folder}", recursive=True))
    objects = (item for item in found if item.type == FileType.File)
    return [_arrived(item.path.removeprefix(f"{bucket}/"), item.mtime) for item in objects]


def _arrived(key: str, modified: datetime) -> Arrived:
    return Arrived(key, s3_layout.arrival_hour(key) or modified)


def silence(objects: Iterable[Arrived]) -> Silence:
    """The hours without an object, but for those quiet in most weeks, as the night or a Saturday."""
    there = {_start_of_hour(found.time) for found in objects}
    if not there:
        return Silence(0, 0, ())
    first, newest = min(there), max(there)
    every = [first + HOUR * place for place in range((newest - first) // HOUR + 1)]
    usual = _usually_quiet(there)
    missing = [hour for hour in every if hour not in there]
    unusual = {hour for hour in missing if _of_week(hour) not in usual}
    return Silence(len(unusual), len(every), tuple(_ranges(missing, unusual)))


def _usually_quiet(there: set[datetime]) -> set[tuple[int, int]]:
    """The hours of the week in which fewer than half of the weeks that had anything had an object."""
    weeks = len({hour.isocalendar()[:2] for hour in there})
    if weeks < USUAL_WEEKS:
        return set()
    busy = Counter(_of_week(hour) for hour in there)
    return {(day, hour) for day in range(7) for hour in range(24) if 2 * busy[day, hour] < weeks}


def _ranges(missing: list[datetime], unusual: set[datetime]) -> Iterator[tuple[datetime, datetime]]:
    """Runs of missing hours, from the first unusual one of each to its last."""
    run: list[datetime] = []
    previous: datetime | None = None
    for hour in missing:
        if run and previous and hour - previous > HOUR:
            yield run[0], run[-1]
            run = []
        if hour in unusual:
            run.append(hour)
        previous = hour
    if run:
        yield run[0], run[-1]


def _of_week(hour: datetime) -> tuple[int, int]:
    return hour.weekday(), hour.hour


def _start_of_hour(time: datetime) -> datetime:
    return time.replace(minute=0, second=0, microsecond=0)
