"""The delivery endpoint's folder: what it does when it is full, and that it is one process's alone."""

import signal
import subprocess
import sys

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.faults.delivery_process import DEADLINE_SECONDS, STREAM, Delivery


def test_a_full_disk_is_answered_with_service_unavailable_and_loses_nothing(delivery: Delivery) -> None:
    delivery.start(limit_bytes=300_000)
    delivery.make_stream(IntervalInSeconds=900)
    client, taken = delivery.client(), 0

    def put_until_refused() -> None:
        nonlocal taken
        for number in range(100):
            record = {"Data": b"%d,%s\n" % (number, bytes(5000).hex().encode())}
            client.put_record(DeliveryStreamName=STREAM, Record=record)
            taken += 1

    with pytest.raises(ClientError, match="ServiceUnavailableException"):
        put_until_refused()
    assert taken > 10
    delivery.end(signal.SIGKILL)
    delivery.start()
    assert delivery.health()["pending_records"] == taken


def test_past_its_disk_budget_it_asks_to_slow_down_until_s3_has_some(delivery: Delivery) -> None:
    delivery.start("--budget-mib", "1")
    boto3.client("s3").delete_bucket(Bucket=delivery.bucket)
    delivery.make_stream(IntervalInSeconds=0)
    client, record = delivery.client(), {"Data": bytes(400_000)}
    client.put_record(DeliveryStreamName=STREAM, Record=record)
    client.put_record(DeliveryStreamName=STREAM, Record=record)
    with pytest.raises(ClientError, match=r"ServiceUnavailableException.*Slow down"):
        client.put_record(DeliveryStreamName=STREAM, Record=record)
    delivery.wait_for(lambda: "NoSuchBucket" in delivery.health()["last_error"])
    boto3.client("s3").create_bucket(Bucket=delivery.bucket)
    delivery.drain()
    client.put_record(DeliveryStreamName=STREAM, Record=record)
    delivery.drain()
    assert sum(map(len, delivery.objects().values())) == 1_200_000


def test_a_second_endpoint_in_the_same_directory_is_refused(delivery: Delivery) -> None:
    delivery.start()
    second = subprocess.run(
        [sys.executable, "-m", "firehose.delivery", "--data", str(delivery.data)],
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_SECONDS,
    )
    assert second.returncode == 1
    assert "another firehose.delivery works in" in second.stderr
