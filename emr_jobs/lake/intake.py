"""One batch of raw objects into the lake, in four steps. Called by ingest.

stage    objects -> data files in S3 that no table knows yet; what landed, by source and sequence
judge    which lines another object has already: they are taken out of the files that hold them
count    what the files hold, as S3 has them
commit   orders, rejects, ledger
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pyspark.sql import SparkSession

from contracts.erasure import NOBODY, Suppression
from emr_jobs.lake import accounts, commits, doubles, erased_objects, staging
from emr_jobs.lake.accounts import Ledger, Stored
from emr_jobs.lake.commits import Plan
from emr_jobs.lake.data_files import DataFile, Layout
from emr_jobs.lake.doubles import Doubles
from emr_jobs.lake.objects import RawObject, read_pieces, task_s3
from emr_jobs.lake.staging import Staged

BATCH_BYTES = 512 << 20  # compressed, some 15 M lines: what is committed together
TASK_BYTES = 64 << 20  # compressed: a task holds a part of it in memory
TASKS_PER_CORE = 2  # an uneven deal costs little then; each task makes a file for each of its days

Report = Callable[[str], None]
Given = TypeVar("Given")
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Lake:
    """The tables and the bucket of a run. Tasks get the layouts, never this."""

    spark: SparkSession
    s3: Any
    bucket: str
    layouts: dict[str, Layout]
    zone: ZoneInfo  # of times that name none
    suppression: Suppression = NOBODY


def batches(found: Sequence[RawObject], size: int | None = None) -> Iterator[list[RawObject]]:
    """Objects that follow each other, of about so many bytes together."""
    batch: list[RawObject] = []
    held = 0
    for item in found:
        batch.append(item)
        held += item.bytes
        if held >= (size or BATCH_BYTES):
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def take(
    lake: Lake, found: list[RawObject], run: int, check_lease: Callable[[], None], report: Report
) -> Counter[str]:
    """Every line of these objects; the answer is their fates by count."""
    token = commits.new_token(run)
    staged = _stage(lake, found, token)
    report(f"{sum(account.landed for account in staged.objects):,} lines read")
    again = _judge(lake, staged)
    files, dropped = _once(lake, staged.files, again)
    counted = Stored()
    for part in _map(lake, files, partial(_count, lake.layouts)):
        counted.update(part)
    rows = accounts.rows(staged.objects, counted, dropped, again, run)
    ledger = accounts.files(lake.s3, lake.layouts["ledger"], rows, token)
    commits.commit(lake.spark, lake.s3, lake.bucket, Plan(token, (*files, *ledger)), check_lease)
    return accounts.fates(rows)


def _stage(lake: Lake, found: list[RawObject], token: str) -> Staged:
    size, cores = sum(item.bytes for item in found), lake.spark.sparkContext.defaultParallelism
    shares = batches(found, min(TASK_BYTES, size // (TASKS_PER_CORE * cores) + 1))
    deals = [(f"{token}-{number:05d}", share) for number, share in enumerate(shares)]
    parts = _map(lake, deals, partial(_stage_share, lake.bucket, lake.layouts, lake.zone, lake.suppression))
    files = [file for part in parts for file in part.files]
    return Staged(files, [account for part in parts for account in part.objects])


def _stage_share(
    bucket: str,
    layouts: dict[str, Layout],
    zone: ZoneInfo,
    suppression: Suppression,
    deal: tuple[str, list[RawObject]],
) -> Staged:
    name, share = deal

    def erase(found: RawObject) -> RawObject:
        return erased_objects.rewrite(task_s3(), bucket, found, suppression.covers)

    read = partial(read_pieces, bucket)
    return staging.stage(task_s3(), read, share, layouts, zone, name, suppression, erase)


def _judge(lake: Lake, staged: Staged) -> dict[str, Doubles]:
    stored = Ledger.read(lake.spark, lake.s3, lake.layouts["ledger"]).sequences()
    contents: Iterable[str] = ()
    if any(account.contents for account in staged.objects):
        days = {file.partition.partition("=")[2] for file in staged.files if file.table == "orders"}
        contents = accounts.stored_contents(lake.spark, days)
    return doubles.find(staged.objects, stored, contents)


def _once(
    lake: Lake, files: list[DataFile], again: dict[str, Doubles]
) -> tuple[list[DataFile], Counter[tuple[str, str]]]:
    """The files without doubles; how many there were, by object and source."""
    touched = [file for file in files if not again.keys().isdisjoint(file.objects)]
    kept = [file for file in files if again.keys().isdisjoint(file.objects)]
    counts = Counter[tuple[str, str]]()
    for part in _map(lake, touched, partial(_drop, lake.layouts, again)):
        counts.update(part.rows)
        if part.successor:
            kept.append(part.successor)
        if part.successor != part.file:
            lake.s3.delete_object(Bucket=lake.layouts[part.file.table].bucket, Key=part.file.key)
    return kept, counts


def _drop(layouts: dict[str, Layout], again: dict[str, Doubles], file: DataFile) -> doubles.Dropped:
    return doubles.drop(task_s3(), layouts[file.table], file, again)


def _count(layouts: dict[str, Layout], file: DataFile) -> Stored:
    return accounts.count_stored(task_s3(), layouts[file.table], file)


def _map(lake: Lake, given: Sequence[Given], step: Callable[[Given], Made]) -> list[Made]:
    """The step over each, a Spark task for each."""
    if not given:
        return []
    made: list[Made] = lake.spark.sparkContext.parallelize(given, len(given)).map(step).collect()
    return made
