"""What unit tests share: the agent's follower over a folder, and a delivery endpoint of one file's tests."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from firehose.delivery.embedded import Embedded, endpoint
from tests.agent_desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    with endpoint(tmp_path_factory.mktemp("delivery"), budget_bytes=1 << 28) as firehose:
        firehose.make("orders")
        yield firehose


@pytest.fixture(scope="module")
def delivery_client(delivery: Embedded) -> Iterator[Any]:
    made = boto3.client(
        "firehose",
        endpoint_url=delivery.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, parameter_validation=False, read_timeout=2),
    )
    yield made
    made.close()
