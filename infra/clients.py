"""The one place that makes AWS clients; the environment chooses their endpoints (infra/target.py)."""

import functools
import os
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from pyarrow.fs import S3FileSystem

_PATIENT = Config(retries={"mode": "standard", "max_attempts": 5})
_LAMBDA = Config(
    retries={"max_attempts": 0}, read_timeout=330
)  # an invocation is not sent twice; start_retrain may wait


@functools.cache
def client(service: str) -> Any:
    return boto3.client(service, config=_LAMBDA if service == "lambda" else _PATIENT)


@functools.cache
def emulator_client(service: str) -> Any:
    """The emulator's own service where a part of ours stands in for it under AWS_ENDPOINT_URL_<SERVICE>."""
    return boto3.client(service, config=_PATIENT, endpoint_url=os.environ["AWS_ENDPOINT_URL"])


@functools.cache
def s3_files() -> "S3FileSystem":
    """Arrow's own S3: it lists a month of objects with a tenth of the CPU time that botocore takes."""
    from pyarrow.fs import S3FileSystem

    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return S3FileSystem(region=client("s3").meta.region_name, endpoint_override=endpoint)


def forget() -> None:
    """Another environment from here on."""
    client.cache_clear()
    s3_files.cache_clear()
    emulator_client.cache_clear()
