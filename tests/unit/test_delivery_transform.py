"""A stream's function says where each record goes; what it cannot process goes to the error output."""

import base64
import gzip
import io
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.s3_layout import FIREHOSE_ERROR_PREFIX, FIREHOSE_PREFIX
from firehose.delivery.embedded import endpoint
from firehose.delivery.segment import Frame
from firehose.delivery.transform import Function, Transformed, transform

ARN = "arn:aws:lambda:us-east-1:000000000000:function:upper"
STREAM_ARN = "arn:aws:firehose:us-east-1:000000000000:deliverystream/orders"
NOON = 1_795_176_000.0  # 2026-11-20T12:00:00Z


def judge(data: bytes) -> dict[str, str]:
    """The function of these tests: upper case; `drop` is dropped, `fail` fails, `lose` is not answered."""
    if b"drop" in data:
        return {"result": "Dropped"}
    if b"fail" in data:
        return {"result": "ProcessingFailed"}
    return {"result": "Ok", "data": base64.b64encode(data.upper()).decode()}


def answer(event: bytes) -> tuple[bytes, str]:
    records = [
        {"recordId": record["recordId"], **judge(base64.b64decode(record["data"]))}
        for record in json.loads(event)["records"]
        if b"lose" not in base64.b64decode(record["data"])
    ]
    return json.dumps({"records": records}).encode(), ""


def transformed(invoke: Callable[[bytes], tuple[bytes, str]], *records: bytes) -> Transformed:
    frame = Frame(NOON, tuple(map(len, records)), b"".join(records))
    return transform([frame], Function(ARN, STREAM_ARN, invoke), b"", lambda: NOON + 1)


def errors(made: Transformed) -> list[tuple[str, bytes]]:
    lines = [json.loads(line) for line in made.failed.splitlines()]
    return [(line["errorCode"], base64.b64decode(line["rawData"])) for line in lines]


def test_records_come_out_changed_dropped_or_failed() -> None:
    made = transformed(answer, b"a\n", b"drop\n", b"fail\n", b"lose\n", b"b\n")
    assert made.delivered == b"A\nB\n"
    assert errors(made) == [
        ("Lambda.ProcessingFailedStatus", b"fail\n"),
        ("Lambda.MissingRecordId", b"lose\n"),
    ]


def test_an_error_line_has_what_aws_writes() -> None:
    [line] = transformed(answer, b"fail\n").failed.splitlines()
    assert json.loads(line) == {
        "attemptsMade": 1,
        "arrivalTimestamp": 1_795_176_000_000,
        "errorCode": "Lambda.ProcessingFailedStatus",
        "errorMessage": "the function could not process the record",
        "attemptEndingTimestamp": 1_795_176_001_000,
        "rawData": "ZmFpbAo=",
        "lambdaArn": ARN,
    }


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ((b'{"errorMessage": "boom"}', "Unhandled"), "Lambda.FunctionError"),
        ((b"no json", ""), "Lambda.JsonProcessingException"),
        ((b"{}", ""), "Lambda.JsonProcessingException"),
    ],
)
def test_a_function_that_breaks_is_called_four_times_and_then_nothing_is_lost(
    said: tuple[bytes, str], code: str
) -> None:
    calls = []
    made = transformed(lambda event: calls.append(event) or said, b"a\n", b"b\n")
    assert len(calls) == 4
    assert (made.delivered, errors(made)) == (b"", [(code, b"a\n"), (code, b"b\n")])


def test_a_function_gets_a_megabyte_at_a_time() -> None:
    sizes = []

    def invoke(event: bytes) -> tuple[bytes, str]:
        sizes.append(len(json.loads(event)["records"]))
        return answer(event)

    made = transformed(invoke, *[bytes(400_000)] * 5)
    assert sizes == [2, 2, 1]
    assert len(made.delivered) == 2_000_000


@given(delivered=st.binary(), failed=st.binary())
def test_what_is_kept_on_disk_is_read_back(delivered: bytes, failed: bytes) -> None:
    made = Transformed(delivered, failed)
    assert Transformed.from_bytes(made.to_bytes()) == made


class Cloud:
    """S3 that fails once, and a function that never says the same twice."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.invocations = self.failures = 0
        self.changed = threading.Condition()

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: ARG002, N803 (boto3's own names)
        with self.changed:
            self.objects[Key] = Body
            self.changed.notify_all()
            if not self.failures:
                self.failures += 1
                raise OSError("the answer was lost")

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 (boto3's own names)
        assert FunctionName == ARN
        self.invocations += 1
        said, _ = answer(Payload.replace(b"eA==", base64.b64encode(b"%d" % self.invocations)))
        return {"Payload": io.BytesIO(said)}


def test_what_the_function_said_first_stands_in_every_attempt_at_s3(tmp_path: Path) -> None:
    cloud = Cloud()
    with endpoint(tmp_path, s3=lambda: cloud, functions=lambda: cloud) as firehose:
        stream = firehose.make(
            "orders",
            Prefix=FIREHOSE_PREFIX,
            ErrorOutputPrefix=FIREHOSE_ERROR_PREFIX,
            CompressionFormat="GZIP",
            BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 0},
            ProcessingConfiguration={
                "Enabled": True,
                "Processors": [
                    {
                        "Type": "Lambda",
                        "Parameters": [{"ParameterName": "LambdaArn", "ParameterValue": ARN}],
                    }
                ],
            },
        )
        assert stream.definition.destination.describe()["ProcessingConfiguration"]["Enabled"]
        firehose.streams.put("orders", [b"x", b"fail\n"])
        with cloud.changed:
            assert cloud.changed.wait_for(lambda: len(cloud.objects) == 2, 10)
        with stream.spool.changed:
            assert stream.spool.changed.wait_for(lambda: not stream.spool.sealed, 10)
    bodies = {key.split("/")[0]: body for key, body in cloud.objects.items()}
    assert gzip.decompress(bodies["orders"]) == b"1"
    assert json.loads(bodies["firehose-errors"])["errorCode"] == "Lambda.ProcessingFailedStatus"
    assert any(key.startswith("firehose-errors/processing-failed/") for key in cloud.objects)
    assert cloud.invocations == 1
    assert [path.name for path in (tmp_path / "streams" / "orders" / "spool").iterdir()] == []
