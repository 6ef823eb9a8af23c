"""The steps' Python environment into the bucket of the code, for clusters that EMR itself starts."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from botocore.exceptions import ClientError

from infra import console, emr_environment
from infra.clients import client


def put(bucket: str, say: Callable[[str], None]) -> None:
    """Made and sent once for each lock: a bucket that has it keeps it."""
    key = emr_environment.key()
    if _is_there(bucket, key):
        return
    with tempfile.TemporaryDirectory() as folder, console.waiting("packing the steps' Python environment"):
        archive = Path(folder, emr_environment.NAME)
        emr_environment.build(archive)
        client("s3").upload_file(str(archive), bucket, key)
        say(f"the steps' Python environment, {archive.stat().st_size >> 20} MiB, in s3://{bucket}/{key}")


def _is_there(bucket: str, key: str) -> bool:
    try:
        client("s3").head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"404", "NoSuchKey", "NotFound"}:
            raise
        return False
    return True
