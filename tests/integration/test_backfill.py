"""History into S3: under the hours of its orders, once, whatever is killed or repeated."""

import gzip
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest

from contracts.order_line import Fate, fate_of, parse_line, salvage_event_id
from contracts.s3_layout import ORDERS, arrival_hour
from log_generator.__main__ import main
from log_generator.backfill import backfill, hours
from log_generator.order_file import survey

LINES = [
    "536365,85123A,HEART,6,12/1/2010 8:26,2.55,17850,United Kingdom",
    "536365,71053,LANTERN,6,12/1/2010 8:59,3.39,17850,United Kingdom",
    "not an order",
    "536370,POST,POSTAGE,3,12/1/2010 9:00,18,12583,France",
    "536414,22139,,56,12/2/2010 11:52,0,,United Kingdom",
]


@pytest.fixture
def s3(local_aws):  # noqa: ARG001 (boto3 finds it by the environment)
    client = boto3.client("s3")
    yield client
    client.close()


@pytest.fixture
def bucket(s3, request):
    name = request.node.name.removeprefix("test_").replace("_", "-")[:60].strip("-")
    s3.create_bucket(Bucket=name)
    return name


def order_file(folder: Path, lines: list[str]) -> Path:
    path = folder / "orders.csv"
    path.write_text("".join(line + "\n" for line in lines))
    return path


def objects(s3, bucket: str) -> dict[str, list[bytes]]:
    """The lines of every object, by key."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=ORDERS)
    keys = [found["Key"] for page in pages for found in page.get("Contents", [])]
    bodies = {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}
    return {key: gzip.decompress(body).splitlines() for key, body in bodies.items()}


def test_orders_stand_under_the_hours_they_were_made_in(s3, bucket, tmp_path):
    """A line without a time goes with the one before it."""
    orders = survey(order_file(tmp_path, LINES))
    done = backfill(orders, 0, s3, bucket)
    name = f"backfill-{orders.digest}"
    assert objects(s3, bucket) == {
        f"orders/year=2010/month=12/day=01/hour=08/{name}-000000001.gz": numbered(orders.digest, 1, 3),
        f"orders/year=2010/month=12/day=01/hour=09/{name}-000000004.gz": numbered(orders.digest, 4, 4),
        f"orders/year=2010/month=12/day=02/hour=11/{name}-000000005.gz": numbered(orders.digest, 5, 5),
    }
    assert (done.put, done.already_there) == (3, 0)
    assert done.tally.plain()["fates"] == {
        "sale": 2, "return": 0, "fee": 1, "guest": 1, "duplicate": 0, "erased": 0, "rejected": 1
    }  # fmt: skip


def numbered(source: str, first: int, last: int) -> list[bytes]:
    return [f"{LINES[number - 1]},{source}-{number}".encode() for number in range(first, last + 1)]


def test_repeating_it_doubles_nothing(s3, bucket, tmp_path):
    orders = survey(order_file(tmp_path, LINES))
    backfill(orders, 0, s3, bucket)
    before = objects(s3, bucket)
    again = backfill(orders, 0, s3, bucket)
    assert (again.put, again.already_there) == (0, 3)
    assert objects(s3, bucket) == before


def test_one_that_was_killed_is_completed_by_the_next(s3, bucket, tmp_path):
    class KilledError(Exception):
        pass

    def killed(_: int) -> None:
        raise KilledError

    path = order_file(tmp_path, many_hours())
    with pytest.raises(KilledError):
        backfill(survey(path), 0, s3, bucket, killed)
    backfill(survey(path), 0, s3, bucket)
    ids = Counter(salvage_event_id(line) for lines in objects(s3, bucket).values() for line in lines)
    assert len(ids) == len(many_hours())
    assert set(ids.values()) == {1}


def many_hours() -> list[str]:
    start = datetime(2010, 12, 1, tzinfo=UTC)
    times = (start + timedelta(minutes=number) for number in range(5_000))
    return [f"1,85123A,HEART,1,{time:%m/%d/%Y %H:%M},1,17850,United Kingdom" for time in times]


def test_a_file_in_any_order_loses_no_line_and_keeps_to_its_memory(tmp_path):
    """With room for few lines only, an hour may have several objects, each under a key of its own."""
    lines = many_hours()[::-7] + many_hours()[3::7]
    orders = survey(order_file(tmp_path, lines))
    found = list(hours(orders.log_lines(0, batch=100), max_held_bytes=20_000))
    assert sum(len(hour.data.splitlines()) for hour in found) == len(lines)
    assert len({hour.key(orders.digest) for hour in found}) == len(found)
    assert max(len(hour.data) for hour in found) <= 30_000
    for hour in found:
        assert {int(parse_line(line).time.timestamp()) // 3600 * 3600 for line in hour.data.splitlines()} == {
            hour.hour
        }


def test_the_command_puts_shifted_orders_into_hours_before_now(s3, bucket, tmp_path, capsys):
    path = order_file(tmp_path, LINES)
    count = tmp_path / "count.json"
    assert main(["backfill", str(path), "--bucket", bucket, "--shifted", "--json", str(count)]) == 0
    assert "3 objects put, 0 already there" in capsys.readouterr().out
    assert json.loads(count.read_text())["lines"] == 5
    now = datetime.now(UTC)
    arrived = [arrival_hour(key) for key in objects(s3, bucket)]
    assert all(hour is not None and now - timedelta(days=9) < hour <= now for hour in arrived)
    order = parse_line(next(iter(objects(s3, bucket).values()))[0])
    assert order.time.weekday() == 2
    assert fate_of(order) is Fate.SALE


@pytest.mark.usefixtures("s3")
def test_a_missing_bucket_is_said_in_one_line(tmp_path, capsys):
    path = order_file(tmp_path, LINES)
    assert main(["backfill", str(path), "--bucket", "there-is-none"]) == 1
    error = capsys.readouterr().err
    assert "bucket there-is-none" in error
    assert error.count("\n") == 1
