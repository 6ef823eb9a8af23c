"""Objects are made when they are due, under a key that is kept, and again until S3 has them."""

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from contracts.s3_layout import FIREHOSE_ERROR_PREFIX, FIREHOSE_PREFIX
from firehose.delivery.embedded import Embedded, endpoint
from firehose.delivery.stream import Stream

NOON = 1_795_176_000.0  # 2026-11-20T12:00:00Z


class Bucket:
    """S3's put_object: keeps what it gets, fails when told to, before or after keeping it."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.puts: list[tuple[str, str, bytes]] = []
        self.failing: Exception | None = None
        self.keeps_when_failing = False
        self.changed = threading.Condition()

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803 (boto3's own names)
        with self.changed:
            self.puts.append((Bucket, Key, Body))
            if not self.failing or self.keeps_when_failing:
                self.objects[Key] = Body
            self.changed.notify_all()
            if self.failing:
                raise self.failing

    def wait_for(self, what: Callable[["Bucket"], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: what(self), 10)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def firehose(tmp_path: Path, bucket: Bucket, clock: Clock) -> Iterator[Embedded]:
    with endpoint(tmp_path, s3=lambda: bucket, clock=clock) as running:
        yield running


def _make(firehose: Embedded, seconds: int = 60, **more: Any) -> Stream:
    return firehose.make(
        "orders",
        Prefix=FIREHOSE_PREFIX,
        ErrorOutputPrefix=FIREHOSE_ERROR_PREFIX,
        BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": seconds},
        **more,
    )


def _pass_time(stream: Stream, clock: Clock, seconds: float) -> None:
    clock.now += seconds
    stream.wake()


def test_an_object_is_written_when_its_oldest_record_is_old_enough(
    firehose: Embedded, bucket: Bucket, clock: Clock
) -> None:
    stream = _make(firehose, CompressionFormat="GZIP")
    firehose.streams.put("orders", [b"a\n"])
    _pass_time(stream, clock, 59)
    firehose.streams.put("orders", [b"b\n"])
    assert bucket.objects == {}
    _pass_time(stream, clock, 1)
    bucket.wait_for(lambda b: bool(b.objects))
    [(key, body)] = bucket.objects.items()
    assert key.startswith("orders/year=2026/month=11/day=20/hour=12/orders-1-2026-11-20-12-00-00-")
    assert key.endswith(".gz")
    assert gzip.decompress(body) == b"a\nb\n"


def test_an_object_is_written_when_the_buffer_is_full(firehose: Embedded, bucket: Bucket) -> None:
    _make(firehose, seconds=900)
    for _ in range(3):
        firehose.streams.put("orders", [bytes(500_000)])
    bucket.wait_for(lambda b: bool(b.objects))
    assert [len(body) for body in bucket.objects.values()] == [1_500_000]


def test_zero_seconds_deliver_at_once(firehose: Embedded, bucket: Bucket) -> None:
    _make(firehose, seconds=0)
    firehose.streams.put("orders", [b"now\n"])
    bucket.wait_for(lambda b: list(b.objects.values()) == [b"now\n"])


def test_the_prefix_is_that_of_the_oldest_record_in_the_streams_zone(
    firehose: Embedded, bucket: Bucket, clock: Clock
) -> None:
    clock.now = NOON + 3599
    stream = _make(firehose, CustomTimeZone="Asia/Tokyo", FileExtension=".csv")
    firehose.streams.put("orders", [b"x"])
    _pass_time(stream, clock, 61)
    bucket.wait_for(lambda b: bool(b.objects))
    [key] = bucket.objects
    assert key.startswith("orders/year=2026/month=11/day=20/hour=21/orders-1-2026-11-20-21-59-59-")
    assert key.endswith(".csv")


def test_a_delimiter_is_appended_to_each_record(firehose: Embedded, bucket: Bucket) -> None:
    parameters = [{"ParameterName": "Delimiter", "ParameterValue": "\\n"}]
    processors = [{"Type": "AppendDelimiterToRecord", "Parameters": parameters}]
    _make(firehose, seconds=0, ProcessingConfiguration={"Enabled": True, "Processors": processors})
    firehose.streams.put("orders", [b"a", b"b"])
    bucket.wait_for(lambda b: list(b.objects.values()) == [b"a\nb\n"])


def test_a_put_that_failed_after_s3_took_it_is_repeated_as_the_same_object(
    firehose: Embedded, bucket: Bucket
) -> None:
    bucket.failing, bucket.keeps_when_failing = TimeoutError("no answer"), True
    stream = _make(firehose, seconds=0, CompressionFormat="GZIP")
    firehose.streams.put("orders", [b"once\n"])
    bucket.wait_for(lambda b: len(b.puts) > 0)
    bucket.failing = None
    bucket.wait_for(lambda b: len(b.puts) > 1)
    assert len(set(bucket.puts)) == 1
    assert len(bucket.objects) == 1
    _wait_until(lambda: stream.delivered_objects == 1)


def test_a_new_process_puts_the_same_object_again(tmp_path: Path) -> None:
    """The first one dies after S3 took the object and before it could know."""
    first, second = Bucket(), Bucket()
    first.failing = TimeoutError("no answer")
    with endpoint(tmp_path, s3=lambda: first) as running:
        _make(running, seconds=0, CompressionFormat="GZIP")
        running.streams.put("orders", [b"one\n", b"two\n"])
        first.wait_for(lambda b: len(b.puts) > 0)
    with endpoint(tmp_path, s3=lambda: second):
        second.wait_for(lambda b: len(b.puts) > 0)
    assert second.puts[0] == first.puts[0]
    assert gzip.decompress(second.puts[0][2]) == b"one\ntwo\n"


def test_while_s3_is_away_it_holds_everything_and_says_so(firehose: Embedded, bucket: Bucket) -> None:
    bucket.failing = ConnectionError("S3 is away")
    stream = _make(firehose, seconds=0)
    firehose.streams.put("orders", [b"a\n"])
    bucket.wait_for(lambda b: len(b.puts) > 0)
    _wait_until(lambda: stream.last_error != "")
    firehose.streams.put("orders", [b"b\n"])
    health = stream.health(NOON + 5)
    assert health["pending_records"] == 2
    assert health["oldest_pending_seconds"] == 5.0
    assert health["last_error"] == "ConnectionError: S3 is away"
    bucket.failing = None
    _wait_until(lambda: stream.delivered_records == 2)
    assert stream.health(NOON)["pending_records"] == 0
    assert stream.last_error == ""
    assert sorted(bucket.objects.values()) == [b"a\n", b"b\n"]


def test_after_an_update_what_a_missing_bucket_refused_goes_to_the_new_one(
    firehose: Embedded, bucket: Bucket
) -> None:
    bucket.failing = ClientError({"Error": {"Code": "NoSuchBucket", "Message": "gone"}}, "PutObject")
    _make(firehose, seconds=0)
    firehose.streams.put("orders", [b"a\n"])
    bucket.wait_for(lambda b: len(b.puts) > 0)
    firehose.streams.update(
        {
            "DeliveryStreamName": "orders",
            "CurrentDeliveryStreamVersionId": "1",
            "DestinationId": "destinationId-000000000001",
            "ExtendedS3DestinationUpdate": {"BucketARN": "arn:aws:s3:::better"},
        }
    )
    bucket.wait_for(lambda b: b.puts[-1][0] == "better")
    bucket.failing = None
    bucket.wait_for(lambda b: len(b.objects) == 1)
    assert "/orders-2-" in next(iter(bucket.objects))


def test_a_deleted_stream_delivers_what_it_has_and_is_gone(
    firehose: Embedded, bucket: Bucket, tmp_path: Path
) -> None:
    _make(firehose, seconds=900)
    firehose.streams.put("orders", [b"last\n"])
    firehose.streams.delete({"DeliveryStreamName": "orders"})
    _wait_until(lambda: firehose.streams.all() == [])
    assert list(bucket.objects.values()) == [b"last\n"]
    assert list((tmp_path / "streams").iterdir()) == []


def test_a_streams_definition_survives_with_its_version(tmp_path: Path) -> None:
    with endpoint(tmp_path) as running:
        before = _make(running, CompressionFormat="GZIP").definition
    with endpoint(tmp_path) as running:
        assert running.streams.get("orders").definition == before
        assert json.loads(before.to_bytes())["version"] == 1


def _wait_until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.005)
