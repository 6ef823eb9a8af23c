"""boto3 sees what AWS documents: limits, error codes, descriptions, partial failures."""

import http.client
import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.s3_layout import FIREHOSE_ERROR_PREFIX, FIREHOSE_PREFIX
from firehose.delivery.embedded import ROLE_ARN, Embedded, endpoint
from firehose.delivery.faults import FaultsError, Rates

BUCKET_ARN = "arn:aws:s3:::bucket"
PLAIN = {"RoleARN": ROLE_ARN, "BucketARN": BUCKET_ARN}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    with endpoint(tmp_path_factory.mktemp("delivery"), budget_bytes=1 << 28) as firehose:
        firehose.make("orders")
        yield firehose


@pytest.fixture(scope="module")
def client(running: Embedded) -> Iterator[Any]:
    made = boto3.client(
        "firehose",
        endpoint_url=running.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, parameter_validation=False, read_timeout=2),
    )
    yield made
    made.close()


def _code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def _put(client: Any, *records: bytes, stream: str = "orders") -> dict[str, Any]:
    answer: dict[str, Any] = client.put_record_batch(
        DeliveryStreamName=stream, Records=[{"Data": record} for record in records]
    )
    return answer


def test_a_stream_is_described_as_it_was_made(client: Any) -> None:
    client.create_delivery_stream(
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
    stream = client.describe_delivery_stream(DeliveryStreamName="described")["DeliveryStreamDescription"]
    assert stream["DeliveryStreamARN"] == "arn:aws:firehose:us-east-1:000000000000:deliverystream/described"
    assert stream["DeliveryStreamStatus"] == "ACTIVE"
    assert stream["VersionId"] == "1"
    destination = stream["Destinations"][0]["ExtendedS3DestinationDescription"]
    assert destination["Prefix"] == FIREHOSE_PREFIX
    assert destination["BufferingHints"] == {"SizeInMBs": 64, "IntervalInSeconds": 0}
    assert (destination["CompressionFormat"], destination["CustomTimeZone"]) == ("GZIP", "Europe/London")
    assert destination["FileExtension"] == ".csv.gz"


def test_an_update_changes_what_it_names_and_raises_the_version(client: Any) -> None:
    client.create_delivery_stream(
        DeliveryStreamName="updated",
        ExtendedS3DestinationConfiguration={**PLAIN, "Prefix": "a/", "CompressionFormat": "GZIP"},
    )
    update = {
        "DeliveryStreamName": "updated",
        "DestinationId": "destinationId-000000000001",
        "ExtendedS3DestinationUpdate": {"Prefix": "b/"},
    }
    client.update_destination(CurrentDeliveryStreamVersionId="1", **update)
    stream = client.describe_delivery_stream(DeliveryStreamName="updated")["DeliveryStreamDescription"]
    destination = stream["Destinations"][0]["ExtendedS3DestinationDescription"]
    assert stream["VersionId"] == "2"
    assert (destination["Prefix"], destination["CompressionFormat"]) == ("b/", "GZIP")
    with pytest.raises(ClientError) as error:
        client.update_destination(CurrentDeliveryStreamVersionId="1", **update)
    assert _code(error) == "ConcurrentModificationException"


def test_streams_are_listed_in_pages(client: Any) -> None:
    for name in ("list-a", "list-b", "list-c"):
        client.create_delivery_stream(DeliveryStreamName=name, ExtendedS3DestinationConfiguration=PLAIN)
    first = client.list_delivery_streams(Limit=2, ExclusiveStartDeliveryStreamName="list-")
    assert first["DeliveryStreamNames"] == ["list-a", "list-b"]
    assert first["HasMoreDeliveryStreams"] is True
    rest = client.list_delivery_streams(Limit=2, ExclusiveStartDeliveryStreamName="list-b")
    assert rest["DeliveryStreamNames"][0] == "list-c"


def test_records_are_taken_byte_for_byte(running: Embedded, client: Any) -> None:
    stream = running.make("bytes")
    answer = _put(client, b"\x00\xff\n", b"", b"plain", stream="bytes")
    assert answer["FailedPutCount"] == 0
    assert all(entry["RecordId"] for entry in answer["RequestResponses"])
    client.put_record(DeliveryStreamName="bytes", Record={"Data": b"one"})
    taken = [record for s in stream.spool.segments() for frame in s.frames() for record in frame.records()]
    assert taken == [b"\x00\xff\n", b"", b"plain", b"one"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    count=st.one_of(st.integers(1, 4), st.sampled_from([499, 500, 501])),
    size=st.sampled_from([0, 1, 8_388, 8_389, 1_023_999, 1_024_000, 1_024_001]),
)
def test_a_batch_is_taken_exactly_when_it_is_within_the_limits(client: Any, count: int, size: int) -> None:
    if count * size > 6_000_000:
        return
    within = count <= 500 and size <= 1_024_000 and count * size <= 4 * 1024 * 1024
    if within:
        assert _put(client, *[bytes(size)] * count)["FailedPutCount"] == 0
        return
    with pytest.raises(ClientError) as error:
        _put(client, *[bytes(size)] * count)
    too_large_in_all = count <= 500 and size <= 1_024_000
    assert _code(error) == ("InvalidArgumentException" if too_large_in_all else "ValidationException")


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
    client: Any, operation: str, arguments: dict[str, Any], code: str, message: str
) -> None:
    with pytest.raises(ClientError, match=message) as error:
        getattr(client, operation)(**arguments)
    assert _code(error) == code


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
def test_destinations_that_cannot_be_are_refused(client: Any, member: str, value: Any, code: str) -> None:
    with pytest.raises(ClientError) as error:
        client.create_delivery_stream(
            DeliveryStreamName="wrong", ExtendedS3DestinationConfiguration={**PLAIN, member: value}
        )
    assert _code(error) == code


def test_a_name_is_taken_once(client: Any) -> None:
    with pytest.raises(ClientError) as error:
        client.create_delivery_stream(DeliveryStreamName="orders", ExtendedS3DestinationConfiguration=PLAIN)
    assert _code(error) == "ResourceInUseException"


def test_a_stream_fed_by_kinesis_takes_no_puts(client: Any) -> None:
    client.create_delivery_stream(
        DeliveryStreamName="fed",
        DeliveryStreamType="KinesisStreamAsSource",
        KinesisStreamSourceConfiguration={
            "KinesisStreamARN": "arn:aws:kinesis:us-east-1:000000000000:stream/source",
            "RoleARN": ROLE_ARN,
        },
        ExtendedS3DestinationConfiguration=PLAIN,
    )
    with pytest.raises(ClientError) as error:
        _put(client, b"x", stream="fed")
    assert _code(error) == "InvalidSourceException"


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"DeliveryStreamName": 5}'])
def test_a_body_that_is_no_request_is_a_serialization_error(running: Embedded, body: bytes) -> None:
    request = urllib.request.Request(
        running.url, data=body, headers={"X-Amz-Target": "Firehose_20150804.PutRecord"}, method="POST"
    )
    with pytest.raises(urllib.request.HTTPError) as error:
        urllib.request.urlopen(request, timeout=5)
    answer = json.load(error.value)
    error.value.close()
    assert (error.value.code, answer["__type"]) == (400, "SerializationException")


def test_a_body_beyond_all_limits_is_not_read(running: Embedded) -> None:
    connection = http.client.HTTPConnection(running.url.removeprefix("http://"), timeout=5)
    connection.putrequest("POST", "/")
    connection.putheader("Content-Length", str(1 << 40))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_health_says_what_is_pending(running: Embedded, client: Any) -> None:
    running.make("healthy")
    _put(client, b"12345", b"678", stream="healthy")
    with urllib.request.urlopen(f"{running.url}/_delivery/health", timeout=5) as answer:
        health = json.load(answer)["streams"]["healthy"]
    assert health.pop("oldest_pending_seconds") >= 0
    assert health == {
        "pending_records": 2,
        "pending_bytes": 8,
        "delivered_objects": 0,
        "delivered_records": 0,
        "last_error": "",
    }


class TestFaults:
    @pytest.fixture(autouse=True)
    def _calm_afterwards(self, running: Embedded) -> Iterator[None]:
        yield
        running.faults.turn(Rates())

    def test_partial_failures_name_the_records_that_were_not_taken(
        self, running: Embedded, client: Any
    ) -> None:
        running.make("partial")
        running.faults.turn(Rates(partial=0.5, seed=4))
        records = [b"%d\n" % number for number in range(100)]
        answer = _put(client, *records, stream="partial")
        failed = [place for place, entry in enumerate(answer["RequestResponses"]) if "ErrorCode" in entry]
        assert 20 < len(failed) < 80
        assert answer["FailedPutCount"] == len(failed)
        assert answer["RequestResponses"][failed[0]]["ErrorCode"] == "ServiceUnavailableException"
        kept = {line + b"\n" for line in running.lines("partial")}
        assert kept == {record for place, record in enumerate(records) if place not in failed}

    @pytest.mark.parametrize(
        ("rates", "code"),
        [(Rates(throttle=1), "ServiceUnavailableException"), (Rates(error=1), "InternalFailure")],
    )
    def test_whole_calls_fail(self, running: Embedded, client: Any, rates: Rates, code: str) -> None:
        running.faults.turn(rates)
        with pytest.raises(ClientError) as error:
            _put(client, b"x")
        assert _code(error) == code

    def test_half_of_the_puts_without_an_answer_were_taken(self, running: Embedded, client: Any) -> None:
        running.make("silent")
        running.faults.turn(Rates(timeout=1, seed=5))
        for number in range(20):
            with pytest.raises((ConnectionClosedError, ReadTimeoutError)):
                _put(client, b"%d\n" % number, stream="silent")
        assert 3 < len(running.lines("silent")) < 17

    def test_the_switch_is_turned_over_http(self, running: Embedded, client: Any) -> None:
        url = f"{running.url}/_delivery/faults"
        request = urllib.request.Request(url, data=b'{"throttle": 1}', method="PUT")
        with urllib.request.urlopen(request, timeout=5) as answer:
            assert json.load(answer)["throttle"] == 1
        with pytest.raises(ClientError, match="Slow down"):
            _put(client, b"x")

    @pytest.mark.parametrize("plain", [{"slow": 1}, {"partial": 2}, {"error": "x"}, {"timeout": -1}])
    def test_rates_that_are_none_are_refused(self, plain: dict[str, object]) -> None:
        with pytest.raises(FaultsError):
            Rates.parse(plain)

    def test_the_same_seed_gives_the_same_faults(self, tmp_path: Path) -> None:
        with endpoint(tmp_path / "a", rates=Rates(error=0.5, seed=9)) as one:
            first = [one.faults.for_put() for _ in range(20)]
        with endpoint(tmp_path / "b", rates=Rates(error=0.5, seed=9)) as other:
            assert [other.faults.for_put() for _ in range(20)] == first


def test_the_parity_table_names_tests_that_exist() -> None:
    repository = Path(__file__).parents[2]
    document = (repository / "docs" / "firehose.md").read_text()
    named = re.findall(r"`((?:unit|integration|faults)/[a-z_]+\.py)::(\w+)`", document)
    assert len(named) > 15
    for path, name in named:
        assert re.search(rf"(def|class) {name}\b", (repository / "tests" / path).read_text()), (path, name)
    promised = re.findall(r"\| `(test_\w+)` \|", document)
    kills = (repository / "tests" / "faults" / "test_agent_kills.py").read_text()
    assert len(promised) > 8
    assert [name for name in promised if f"def {name}(" not in kills] == []
