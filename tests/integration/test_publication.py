"""Putting versions live on the real local AWS: the difference, what was left open, what was abandoned."""

import gzip
import json
import time

import pyarrow as pa
import pytest

from contracts import publications
from contracts.lists import from_dynamo, from_plain
from contracts.publications import State
from contracts.s3_layout import Part, Version, opened_key
from emr_jobs.lists import export
from emr_jobs.publishing import publication
from emr_jobs.publishing.publication import PublicationLateError, PublicationOvertakenError
from publish.store import Store
from tests.publisher import publisher

FIRST = Version.parse("20261120T100000Z-1")
SECOND = Version.parse("20261120T110000Z-2")
THIRD = Version.parse("20261120T120000Z-3")
LONG_S = 30.0


def export_version(shop, version, lists):
    """`lists` maps a key to the codes of its for_you list, all of them popular."""
    rows = [{"key": key, "for_you": codes, "for_you_why": ["p"] * len(codes)} for key, codes in lists.items()]
    table = pa.Table.from_pylist(rows, schema=export.SCHEMA).sort_by("key")
    export.write(shop.s3, shop.bucket, version.customers, table)
    export.write(shop.s3, shop.bucket, version.items, export.empty())


def publish(shop, version, *, full=False, wait_s=LONG_S):
    deadline = time.monotonic() + wait_s
    return publication.publish(shop, version, full=full, deadline=deadline, report=lambda _: None)


def lose_message(shop, number):
    """Nobody is told any more of the publication's one part, as when its message went astray."""
    shop.s3.delete_object(Bucket=shop.bucket, Key=Part(number, 1, 1).key)


def part_lines(shop, number):
    """Every line of a publication's parts."""
    found = shop.s3.list_objects_v2(Bucket=shop.bucket, Prefix=f"publications/{number:010d}/part-")
    bodies = [
        shop.s3.get_object(Bucket=shop.bucket, Key=item["Key"])["Body"].read() for item in found["Contents"]
    ]
    return [json.loads(line) for body in bodies for line in gzip.decompress(body).splitlines()]


def served(shop):
    """Key -> codes, as they stand in the table."""
    items = shop.dynamodb.scan(TableName=shop.table, ConsistentRead=True)["Items"]
    plain = [from_dynamo(item) for item in items if not item["id"]["S"].startswith("control#")]
    return {item["id"]: [entry.code for entry in from_plain(item).lists["for_you"]] for item in plain}


def test_the_first_publication_writes_everything(shop):
    export_version(shop, FIRST, {"customer#1": ["A", "B"], "customer#2": ["C"]})
    with publisher(shop):
        live = publish(shop, FIRST)
    assert (live.live_number, live.live_version) == (1, str(FIRST))
    assert served(shop) == {"customer#1": ["A", "B"], "customer#2": ["C"]}


def test_the_next_one_writes_only_what_differs_and_removes_what_is_gone(shop):
    export_version(shop, FIRST, {"customer#1": ["A", "B"], "customer#2": ["C"], "customer#3": ["D"]})
    export_version(shop, SECOND, {"customer#1": ["B", "A"], "customer#2": ["C"], "customer#4": ["E"]})
    with publisher(shop):
        publish(shop, FIRST)
        publish(shop, SECOND)
    assert served(shop) == {"customer#1": ["B", "A"], "customer#2": ["C"], "customer#4": ["E"]}
    assert [line["id"] for line in part_lines(shop, 2)] == ["customer#1", "customer#4", "customer#3"]


def test_a_version_like_the_live_one_goes_live_with_one_empty_part(shop):
    for version in (FIRST, SECOND):
        export_version(shop, version, {"customer#1": ["A"]})
    with publisher(shop):
        publish(shop, FIRST)
        assert publish(shop, SECOND).live_version == str(SECOND)
    assert part_lines(shop, 2) == []


def test_going_back_is_a_publication_of_an_older_version(shop):
    export_version(shop, FIRST, {"customer#1": ["A"], "customer#2": ["B"]})
    export_version(shop, SECOND, {"customer#1": ["C"]})
    with publisher(shop):
        publish(shop, FIRST)
        publish(shop, SECOND)
        back = publish(shop, FIRST)
    assert (back.live_number, back.live_version) == (3, str(FIRST))
    assert served(shop) == {"customer#1": ["A"], "customer#2": ["B"]}


def test_a_publication_left_open_goes_on_under_its_number_when_its_version_is_published_again(shop):
    export_version(shop, FIRST, {"customer#1": ["A"]})
    with pytest.raises(PublicationLateError, match="0 of 1 parts"):
        publish(shop, FIRST, wait_s=0)
    lose_message(shop, 1)
    with publisher(shop):
        assert publish(shop, FIRST).live_number == 1
    assert served(shop) == {"customer#1": ["A"]}


def test_a_publication_whose_parts_are_all_in_but_which_was_not_closed_is_closed_by_running_again(shop):
    export_version(shop, FIRST, {"customer#1": ["A"]})
    with pytest.raises(PublicationLateError):
        publish(shop, FIRST, wait_s=0)
    publications.mark_done(shop.dynamodb, shop.table, 1, 1)
    lose_message(shop, 1)
    with publisher(shop):
        assert publish(shop, FIRST).live_number == 1
    assert served(shop) == {"customer#1": ["A"]}


def test_what_an_abandoned_publication_may_have_written_is_written_over_or_removed(shop):
    export_version(shop, FIRST, {"customer#1": ["A"], "customer#2": ["B"]})
    export_version(shop, SECOND, {"customer#1": ["X"], "customer#2": ["B"], "customer#9": ["X"]})
    export_version(shop, THIRD, {"customer#1": ["A"], "customer#2": ["B"]})
    with publisher(shop):
        publish(shop, FIRST)
    with pytest.raises(PublicationLateError):
        publish(shop, SECOND, wait_s=0)
    store = Store.connect(shop.table)
    store.write(part_lines(shop, 2))  # written, but killed before it was marked done
    store.s3.close()
    store.dynamodb.close()
    with publisher(shop):
        live = publish(shop, THIRD)
    assert (live.live_number, live.live_version) == (3, str(THIRD))
    assert served(shop) == {"customer#1": ["A"], "customer#2": ["B"]}


def test_an_open_publication_whose_content_would_differ_now_is_abandoned(shop):
    export_version(shop, FIRST, {"customer#1": ["A"]})
    with pytest.raises(PublicationLateError):
        publish(shop, FIRST, wait_s=0)
    lose_message(shop, 1)
    export_version(shop, FIRST, {"customer#2": ["A"]})
    with publisher(shop):
        assert publish(shop, FIRST).live_number == 2
    assert served(shop) == {"customer#2": ["A"]}


def test_a_number_that_stands_in_s3_is_never_used_again_though_the_table_lost_it(shop):
    export_version(shop, FIRST, {"customer#1": ["A"]})
    shop.s3.put_object(
        Bucket=shop.bucket, Key=opened_key(41), Body=json.dumps({"version": str(SECOND)}).encode()
    )
    with publisher(shop):
        assert publish(shop, FIRST).live_number == 42


def test_full_writes_every_item_into_a_table_that_lost_them(shop):
    export_version(shop, FIRST, {"customer#1": ["A"], "customer#2": ["B"]})
    with publisher(shop):
        publish(shop, FIRST)
        shop.dynamodb.delete_item(TableName=shop.table, Key={"id": {"S": "customer#2"}})
        publish(shop, FIRST, full=True)
    assert served(shop) == {"customer#1": ["A"], "customer#2": ["B"]}


def test_a_full_publication_left_open_stays_full(shop):
    export_version(shop, FIRST, {"customer#1": ["A"]})
    with publisher(shop):
        publish(shop, FIRST)
    with pytest.raises(PublicationLateError):
        publish(shop, FIRST, full=True, wait_s=0)
    lose_message(shop, 2)
    shop.dynamodb.delete_item(TableName=shop.table, Key={"id": {"S": "customer#1"}})
    with publisher(shop):
        assert publish(shop, FIRST).live_number == 2
    assert served(shop) == {"customer#1": ["A"]}


def test_whoever_waits_learns_that_another_publication_took_over(shop):
    export_version(shop, FIRST, {"customer#1": ["A"]})
    with pytest.raises(PublicationLateError):
        publish(shop, FIRST, wait_s=0)
    publications.abandon(shop.dynamodb, shop.table, 1)
    with pytest.raises(PublicationOvertakenError, match="publication 1 was overtaken"):
        publication.wait(shop, 1, time.monotonic() + LONG_S, lambda _: None)


def test_parts_hold_a_bounded_number_of_items(shop):
    export_version(shop, FIRST, {f"customer#{number}": ["A"] for number in range(2_001)})
    with pytest.raises(PublicationLateError, match="0 of 3 parts"):
        publish(shop, FIRST, wait_s=0)
    assert publications.read(shop.dynamodb, shop.table).state is State.OPEN
    assert len(part_lines(shop, 1)) == 2_001


def test_the_command_says_what_is_missing_and_exits_1(shop, capsys):
    arguments = ["--bucket", shop.bucket, "--table", shop.table, "--version", str(FIRST)]
    assert publication.main(arguments) == 1
    assert "customers.parquet is missing" in capsys.readouterr().err
