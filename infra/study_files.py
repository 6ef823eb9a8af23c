"""A study's files in the bucket: copies of what it is given, and what it found. `cadabra study` uses them."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError

from contracts.s3_layout import RAW_STUDIES, STUDIES, Version, raw_study_key, raw_study_prefix
from infra.clients import client
from infra.problem import ProblemError

WHOLE = "study.json"  # written last: a folder that holds it holds all of a study
LEFT_SECONDS = 86_400  # no study takes a day
_REMOTE = "s3://"
_DELETE_BATCH = 1_000  # DeleteObjects' limit
_NOT_THERE, _FORBIDDEN = {"404", "NoSuchBucket", "NoSuchKey"}, {"403", "AccessDenied"}


def check(given: str) -> None:
    """Raises ProblemError where it cannot be read: before the other file is copied, which may take long."""
    if given.startswith(_REMOTE):
        bucket, key = _place(given)
        with _spoken(given):
            client("s3").head_object(Bucket=bucket, Key=key)
    elif not Path(given).is_file():
        raise ProblemError(f"there is no file {given}: give a path, or s3://BUCKET/KEY")


def copy_raw(bucket: str, run: int, kind: str, given: str) -> str:
    """The file in the raw zone as it came, under its own name; the answer is where."""
    check(given)
    key = raw_study_key(run, kind, given.rpartition("/")[2])
    if given.startswith(_REMOTE):
        theirs, name = _place(given)
        with _spoken(given):
            client("s3").copy({"Bucket": theirs, "Key": name}, bucket, key)
    else:
        client("s3").upload_file(given, bucket, key)
    return f"{_REMOTE}{bucket}/{key}"


def forget_raw(bucket: str, run: int) -> None:
    _delete(bucket, raw_study_prefix(run))


def sweep(bucket: str, now: float | None = None) -> None:
    """What killed commands left: their copies, and the half folders of studies that failed."""
    oldest = (time.time() if now is None else now) - LEFT_SECONDS
    for folder in _folders(bucket, RAW_STUDIES):
        run = folder.removeprefix(RAW_STUDIES).strip("/")
        if run.isdecimal() and int(run) < oldest:
            _delete(bucket, folder)
    for folder in _folders(bucket, STUDIES):
        if (version := _version(folder)) and version.run < oldest:
            forget_half(bucket, version.run)


def _version(folder: str) -> Version | None:
    """None for a folder that is no study's."""
    try:
        return Version.parse(folder.removeprefix(STUDIES).strip("/"))
    except ValueError:
        return None


def forget_half(bucket: str, run: int) -> bool:
    """What a failed study left, unless that is whole; whether it is."""
    folder = _folder(bucket, run)
    if folder and f"{folder}{WHOLE}" in set(_keys(bucket, folder)):
        return True
    if folder:
        _delete(bucket, folder)
    return False


def fetch(bucket: str, run: int, out: Path) -> int:
    """What a study found, but its Parquet of all ratings, into a folder; the answer is how many files."""
    folder = _folder(bucket, run)
    files = [key for key in _keys(bucket, folder) if "/" not in key.removeprefix(folder)] if folder else []
    if f"{folder}{WHOLE}" not in files:
        raise ProblemError(
            f"s3://{bucket}/{STUDIES} holds no finished study {run}: it goes on, or it failed. "
            f"`aws s3 ls s3://{bucket}/{STUDIES}` shows those there are"
        )
    out.mkdir(parents=True, exist_ok=True)
    for key in files:
        client("s3").download_file(bucket, key, str(out / key.removeprefix(folder)))
    return len(files)


def _place(given: str) -> tuple[str, str]:
    bucket, _, key = given.removeprefix(_REMOTE).partition("/")
    if not bucket or not key or key.endswith("/"):
        raise ProblemError(f"{given} names no file: give s3://BUCKET/KEY, or a path")
    return bucket, key


@contextmanager
def _spoken(given: str) -> Iterator[None]:
    """AWS's refusals as what a person can do about them."""
    try:
        yield
    except ParamValidationError as error:
        raise ProblemError(f"{given} is no place in S3: give s3://BUCKET/KEY, or a path ({error})") from error
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in _NOT_THERE:
            bucket = given.removeprefix(_REMOTE).partition("/")[0]
            said = f"there is no {given}: `aws s3 ls s3://{bucket}/` shows what there is"
        elif code in _FORBIDDEN:
            said = f"{given} may not be read with these credentials: they need s3:GetObject on it"
        else:
            said = f"{given} cannot be read: {error}"
        raise ProblemError(said) from error


def _folder(bucket: str, run: int) -> str:
    """The study's, empty where it has none; its first half only the step knows, the newest rating's time."""
    return next((folder for folder in _folders(bucket, STUDIES) if folder.endswith(f"-{run}/")), "")


def _folders(bucket: str, prefix: str) -> Iterator[str]:
    for page in _pages(bucket, prefix, "/"):
        yield from (found["Prefix"] for found in page.get("CommonPrefixes", ()))


def _keys(bucket: str, prefix: str) -> Iterator[str]:
    for page in _pages(bucket, prefix):
        yield from (found["Key"] for found in page.get("Contents", ()))


def _pages(bucket: str, prefix: str, delimiter: str = "") -> Iterable[dict[str, Any]]:
    listed = client("s3").get_paginator("list_objects_v2")
    pages: Iterable[dict[str, Any]] = listed.paginate(Bucket=bucket, Prefix=prefix, Delimiter=delimiter)
    return pages


def _delete(bucket: str, prefix: str) -> None:
    keys = list(_keys(bucket, prefix))
    for first in range(0, len(keys), _DELETE_BATCH):
        objects = [{"Key": key} for key in keys[first : first + _DELETE_BATCH]]
        client("s3").delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
