"""Calls to the delivery endpoint, and what boto3 makes of its answers."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from firehose.delivery.embedded import ROLE_ARN

BUCKET_ARN = "arn:aws:s3:::bucket"
PLAIN = {"RoleARN": ROLE_ARN, "BucketARN": BUCKET_ARN}


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def put(client: Any, *records: bytes, stream: str = "orders") -> dict[str, Any]:
    answer: dict[str, Any] = client.put_record_batch(
        DeliveryStreamName=stream, Records=[{"Data": record} for record in records]
    )
    return answer
