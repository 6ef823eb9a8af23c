"""What AWS documents as wrong is refused by the delivery endpoint with AWS's error codes."""

import http.client
import json
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from firehose.delivery.embedded import ROLE_ARN, Embedded
from tests.delivery_calls import PLAIN, code_of, put


@pytest.mark.parametrize(
    ("operation", "arguments", "code", "message"),
    [
        (
            "put_record",
            {"DeliveryStreamName": "none", "Record": {"Data": b""}},
            "ResourceNotFoundException",
            "none",
        ),
        (
            "put_record",
            {"DeliveryStreamName": "a b", "Record": {"Data": b""}},
            "ValidationException",
            "pattern",
        ),
        ("put_record", {"DeliveryStreamName": "orders"}, "ValidationException", "'record' failed"),
        (
            "put_record_batch",
            {"DeliveryStreamName": "orders", "Records": []},
            "ValidationException",
            "records",
        ),
        ("describe_delivery_stream", {"DeliveryStreamName": "none"}, "ResourceNotFoundException", "none"),
        ("delete_delivery_stream", {"DeliveryStreamName": "none"}, "ResourceNotFoundException", "none"),
        ("tag_delivery_stream", {"DeliveryStreamName": "orders"}, "UnknownOperationException", "TagDelivery"),
        (
            "create_delivery_stream",
            {"DeliveryStreamName": "x"},
            "InvalidArgumentException",
            "delivers to S3 only",
        ),
    ],
)
def test_wrong_calls_get_awss_error_codes(
    delivery_client: Any, operation: str, arguments: dict[str, Any], code: str, message: str
) -> None:
    with pytest.raises(ClientError, match=message) as error:
        getattr(delivery_client, operation)(**arguments)
    assert code_of(error) == code


@pytest.mark.parametrize(
    ("member", "value", "code"),
    [
        ("BufferingHints", {"SizeInMBs": 0}, "ValidationException"),
        ("BufferingHints", {"SizeInMBs": 129}, "ValidationException"),
        ("BufferingHints", {"IntervalInSeconds": 901}, "ValidationException"),
        ("BucketARN", "bucket", "ValidationException"),
        ("RoleARN", None, "ValidationException"),
        ("CompressionFormat", "LZ4", "ValidationException"),
        ("CompressionFormat", "Snappy", "InvalidArgumentException"),
        ("FileExtension", "csv", "ValidationException"),
        ("CustomTimeZone", "Mars/Olympus", "InvalidArgumentException"),
        ("Prefix", "x/!{timestamp:yyyy}/", "InvalidArgumentException"),
        ("DynamicPartitioningConfiguration", {"Enabled": True}, "InvalidArgumentException"),
        (
            "ProcessingConfiguration",
            {"Enabled": True, "Processors": [{"Type": "MetadataExtraction"}]},
            "InvalidArgumentException",
        ),
        (
            "ProcessingConfiguration",
            {"Enabled": True, "Processors": [{"Type": "Lambda"}]},
            "ValidationException",
        ),
    ],
)
def test_destinations_that_cannot_be_are_refused(
    delivery_client: Any, member: str, value: Any, code: str
) -> None:
    with pytest.raises(ClientError) as error:
        delivery_client.create_delivery_stream(
            DeliveryStreamName="wrong", ExtendedS3DestinationConfiguration={**PLAIN, member: value}
        )
    assert code_of(error) == code


def test_a_name_is_taken_once(delivery_client: Any) -> None:
    with pytest.raises(ClientError) as error:
        delivery_client.create_delivery_stream(
            DeliveryStreamName="orders", ExtendedS3DestinationConfiguration=PLAIN
        )
    assert code_of(error) == "ResourceInUseException"


def test_a_stream_fed_by_kinesis_takes_no_puts(delivery_client: Any) -> None:
    delivery_client.create_delivery_stream(
        DeliveryStreamName="fed",
        DeliveryStreamType="KinesisStreamAsSource",
        KinesisStreamSourceConfiguration={
            "KinesisStreamARN": "arn:aws:kinesis:us-east-1:000000000000:stream/source",
            "RoleARN": ROLE_ARN,
        },
        ExtendedS3DestinationConfiguration=PLAIN,
    )
    with pytest.raises(ClientError) as error:
        put(delivery_client, b"x", stream="fed")
    assert code_of(error) == "InvalidSourceException"


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"DeliveryStreamName": 5}'])
def test_a_body_that_is_no_request_is_a_serialization_error(delivery: Embedded, body: bytes) -> None:
    request = urllib.request.Request(
        delivery.url, data=body, headers={"X-Amz-Target": "Firehose_20150804.PutRecord"}, method="POST"
    )
    with pytest.raises(urllib.request.HTTPError) as error:
        urllib.request.urlopen(request, timeout=5)
    answer = json.load(error.value)
    error.value.close()
    assert (error.value.code, answer["__type"]) == (400, "SerializationException")


def test_a_body_beyond_all_limits_is_not_read(delivery: Embedded) -> None:
    connection = http.client.HTTPConnection(delivery.url.removeprefix("http://"), timeout=5)
    connection.putrequest("POST", "/")
    connection.putheader("Content-Length", str(1 << 40))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()
