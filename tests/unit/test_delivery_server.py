"""boto3 sees what AWS documents: limits, descriptions, versions; and the parity table names what holds it."""

import json
import re
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.s3_layout import FIREHOSE_ERROR_PREFIX, FIREHOSE_PREFIX
from firehose.delivery.embedded import Embedded
from tests.delivery_calls import PLAIN, code_of, put


def test_a_stream_is_described_as_it_was_made(delivery_client: Any) -> None:
    delivery_client.create_delivery_stream(
        DeliveryStreamName="described",
        DeliveryStreamType="DirectPut",
        ExtendedS3DestinationConfiguration={
            **PLAIN,
            "Prefix": FIREHOSE_PREFIX,
            "ErrorOutputPrefix": FIREHOSE_ERROR_PREFIX,
            "BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": 0},
            "CompressionFormat": "GZIP",
            "CustomTimeZone": "Europe/London",
            "FileExtension": ".csv.gz",
        },
    )
    stream = delivery_client.describe_delivery_stream(DeliveryStreamName="described")[
        "DeliveryStreamDescription"
    ]
    assert stream["DeliveryStreamARN"] == "arn:aws:firehose:us-east-1:000000000000:deliverystream/described"
    assert stream["DeliveryStreamStatus"] == "ACTIVE"
    assert stream["VersionId"] == "1"
    destination = stream["Destinations"][0]["ExtendedS3DestinationDescription"]
    assert destination["Prefix"] == FIREHOSE_PREFIX
    assert destination["BufferingHints"] == {"SizeInMBs": 64, "IntervalInSeconds": 0}
    assert (destination["CompressionFormat"], destination["CustomTimeZone"]) == ("GZIP", "Europe/London")
    assert destination["FileExtension"] == ".csv.gz"


def test_an_update_changes_what_it_names_and_raises_the_version(delivery_client: Any) -> None:
    delivery_client.create_delivery_stream(
        DeliveryStreamName="updated",
        ExtendedS3DestinationConfiguration={**PLAIN, "Prefix": "a/", "CompressionFormat": "GZIP"},
    )
    update = {
        "DeliveryStreamName": "updated",
        "DestinationId": "destinationId-000000000001",
        "ExtendedS3DestinationUpdate": {"Prefix": "b/"},
    }
    delivery_client.update_destination(CurrentDeliveryStreamVersionId="1", **update)
    stream = delivery_client.describe_delivery_stream(DeliveryStreamName="updated")[
        "DeliveryStreamDescription"
    ]
    destination = stream["Destinations"][0]["ExtendedS3DestinationDescription"]
    assert stream["VersionId"] == "2"
    assert (destination["Prefix"], destination["CompressionFormat"]) == ("b/", "GZIP")
    with pytest.raises(ClientError) as error:
        delivery_client.update_destination(CurrentDeliveryStreamVersionId="1", **update)
    assert code_of(error) == "ConcurrentModificationException"


def test_streams_are_listed_in_pages(delivery_client: Any) -> None:
    for name in ("list-a", "list-b", "list-c"):
        delivery_client.create_delivery_stream(
            DeliveryStreamName=name, ExtendedS3DestinationConfiguration=PLAIN
        )
    first = delivery_client.list_delivery_streams(Limit=2, ExclusiveStartDeliveryStreamName="list-")
    assert first["DeliveryStreamNames"] == ["list-a", "list-b"]
    assert first["HasMoreDeliveryStreams"] is True
    rest = delivery_client.list_delivery_streams(Limit=2, ExclusiveStartDeliveryStreamName="list-b")
    assert rest["DeliveryStreamNames"][0] == "list-c"


def test_records_are_taken_byte_for_byte(delivery: Embedded, delivery_client: Any) -> None:
    stream = delivery.make("bytes")
    answer = put(delivery_client, b"\x00\xff\n", b"", b"plain", stream="bytes")
    assert answer["FailedPutCount"] == 0
    assert all(entry["RecordId"] for entry in answer["RequestResponses"])
    delivery_client.put_record(DeliveryStreamName="bytes", Record={"Data": b"one"})
    taken = [record for s in stream.spool.segments() for frame in s.frames() for record in frame.records()]
    assert taken == [b"\x00\xff\n", b"", b"plain", b"one"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    count=st.one_of(st.integers(1, 4), st.sampled_from([499, 500, 501])),
    size=st.sampled_from([0, 1, 8_388, 8_389, 1_023_999, 1_024_000, 1_024_001]),
)
def test_a_batch_is_taken_exactly_when_it_is_within_the_limits(
    delivery_client: Any, count: int, size: int
) -> None:
    if count * size > 6_000_000:
        return
    within = count <= 500 and size <= 1_024_000 and count * size <= 4 * 1024 * 1024
    if within:
        assert put(delivery_client, *[bytes(size)] * count)["FailedPutCount"] == 0
        return
    with pytest.raises(ClientError) as error:
        put(delivery_client, *[bytes(size)] * count)
    too_large_in_all = count <= 500 and size <= 1_024_000
    assert code_of(error) == ("InvalidArgumentException" if too_large_in_all else "ValidationException")


def test_health_says_what_is_pending(delivery: Embedded, delivery_client: Any) -> None:
    delivery.make("healthy")
    put(delivery_client, b"12345", b"678", stream="healthy")
    with urllib.request.urlopen(f"{delivery.url}/_delivery/health", timeout=5) as answer:
        health = json.load(answer)["streams"]["healthy"]
    assert health.pop("oldest_pending_seconds") >= 0
    assert health == {
        "pending_records": 2,
        "pending_bytes": 8,
        "delivered_objects": 0,
        "delivered_records": 0,
        "last_error": "",
    }


def test_the_parity_table_names_tests_that_exist() -> None:
    repository = Path(__file__).parents[2]
    document = (repository / "docs" / "firehose.md").read_text()
    named = re.findall(r"`((?:unit|integration|faults)/[a-z_]+\.py)::(\w+)`", document)
    assert len(named) > 15
    for path, name in named:
        assert re.search(rf"(def|class) {name}\b", (repository / "tests" / path).read_text()), (path, name)
    promised = re.findall(r"\| `(test_\w+)` \|", document)
    faults = "".join(path.read_text() for path in (repository / "tests/faults").glob("test_agent_*.py"))
    assert len(promised) > 8
    assert [name for name in promised if f"def {name}(" not in faults] == []
