"""A bucket emptied of every version and of uploads nobody finished, then removed."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from infra.clients import client
from infra.console import counted
from infra.deployment import adopt
from infra.problem import ProblemError

_MOST = 1000  # keys in one DeleteObjects call
Say = Callable[[str], None]


def empty(bucket: str, say: Say, keep: str = "") -> None:
    """Nothing of it is left, but the newest version of the key `keep`, and then the bucket too."""
    if not adopt.bucket_exists(bucket):
        return
    removed = _remove_versions(bucket, keep)
    for upload in _uploads(bucket):
        client("s3").abort_multipart_upload(Bucket=bucket, **upload)
    if keep:
        say(f"{counted(removed, 'object')} of s3://{bucket} removed; {keep} stays")
        return
    client("s3").delete_bucket(Bucket=bucket)
    say(f"s3://{bucket} removed, with {counted(removed, 'object')}")


def _remove_versions(bucket: str, keep: str) -> int:
    versions, removed = _versions(bucket, keep), 0
    while batch := list(islice(versions, _MOST)):
        answer = client("s3").delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
        if errors := answer.get("Errors"):
            raise ProblemError(
                f"{counted(len(errors), 'object')} of s3://{bucket} cannot be removed, the first is "
                f"{errors[0]['Key']}: {errors[0].get('Message')}. Grant it and run `cadabra destroy` again"
            )
        removed += len(batch)
    return removed


def _versions(bucket: str, keep: str) -> Iterator[dict[str, Any]]:
    for page in client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket):
        for version in [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]:
            if version["Key"] != keep or not version["IsLatest"]:
                yield {"Key": version["Key"], "VersionId": version["VersionId"]}


def _uploads(bucket: str) -> list[dict[str, str]]:
    pages = client("s3").get_paginator("list_multipart_uploads").paginate(Bucket=bucket)
    found = (upload for page in pages for upload in page.get("Uploads", ()))
    return [{"Key": upload["Key"], "UploadId": upload["UploadId"]} for upload in found]
