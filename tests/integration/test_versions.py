"""`cadabra versions`, `publish` and `rollback` on the real local AWS, and what is cleared away meanwhile."""

import json
import time
from dataclasses import fields
from datetime import timedelta

import pyarrow as pa
import pytest

from contracts import history, publications
from contracts.lists import from_dynamo
from contracts.s3_layout import Version, opened_key
from emr_jobs.lists import export
from emr_jobs.publishing import publication, retention
from infra import clients
from infra.lists import put_live, rollback, versions
from infra.lists.put_live import RefusedVersionError
from infra.problem import ProblemError
from infra.stack import Stack
from tests.publisher import publisher

FIRST, SECOND, THIRD = (Version.parse(f"20261120T1{hour}0000Z-{hour + 1}") for hour in range(3))
LONG_S = 60.0


@pytest.fixture
def stack(shop):
    clients.forget()  # the session's AWS, whatever was spoken to before
    names = {field.name: "" for field in fields(Stack)}
    yield Stack(**names | {"bucket": shop.bucket, "table": shop.table})
    clients.forget()


@pytest.fixture(autouse=True)
def published(shop):
    """Every part that lands in the bucket is published."""
    with publisher(shop):
        yield


def store_version(shop, version, code, *, passed=True, **more):
    """A whole version whose one customer has one item."""
    rows = [{"key": "customer#1", "for_you": [code], "for_you_why": ["p"]}]
    export.write(shop.s3, shop.bucket, version.customers, pa.Table.from_pylist(rows, schema=export.SCHEMA))
    export.write(shop.s3, shop.bucket, version.items, export.empty())
    shop.s3.put_object(Bucket=shop.bucket, Key=version.model, Body=b"factors")
    card = {
        "coverage": {"customers": 1, "items": 1},
        "gate": {"passed": passed, "reasons": [] if passed else ["too few"]},
        **more,
    }
    shop.s3.put_object(Bucket=shop.bucket, Key=version.card, Body=json.dumps(card).encode())


def publish(shop, version):
    deadline = time.monotonic() + LONG_S
    return publication.publish(shop, version, full=False, deadline=deadline, report=lambda _: None)


def shown(shop):
    item = shop.dynamodb.get_item(TableName=shop.table, Key={"id": {"S": "customer#1"}})["Item"]
    return from_dynamo(item)["for_you"]


def rows(shop):
    known = publications.read(shop.dynamodb, shop.table)
    stored, noted = history.versions(shop.s3, shop.bucket), list(history.notes(shop.s3, shop.bucket))
    return list(versions.rows(shop.bucket, stored, known, noted))


def test_the_versions_are_told_newest_first_with_what_each_changed(shop, stack, capsys):
    store_version(shop, FIRST, "A", trial={"ndcg": {"for_you": 0.3751, "discover": 0.122}})
    store_version(shop, SECOND, "B")
    store_version(shop, THIRD, "C", passed=False)
    publish(shop, FIRST)
    publish(shop, SECOND)
    assert [(row.version, row.changed, row.metrics, row.gate, row.current) for row in rows(shop)] == [
        (THIRD, None, "", "refused", ""),
        (SECOND, 1, "", "passed", "live"),
        (FIRST, 1, ".375 .122", "passed", ""),
    ]
    versions.show(stack, 20)
    told = capsys.readouterr().out
    assert "`cadabra rollback` would go to 20261120T100000Z-1" in told
    assert f"{THIRD} was refused: too few" in told
    assert max(map(len, told.splitlines()[:8])) <= 80


def test_a_version_without_its_card_is_not_told_of(shop, stack):  # noqa: ARG001 (it sets the clients)
    store_version(shop, FIRST, "A")
    shop.s3.delete_object(Bucket=shop.bucket, Key=FIRST.card)
    assert rows(shop) == []


def test_a_version_is_put_live_and_taken_back_without_a_cluster(shop, stack, capfd):
    store_version(shop, FIRST, "A")
    store_version(shop, SECOND, "B")
    put_live.put_live(stack, FIRST)
    put_live.put_live(stack, SECOND)
    assert shown(shop) == ["B"]
    said = []
    rollback.roll_back(stack, said.append)
    assert shown(shop) == ["A"]
    rollback.roll_back(stack, said.append)  # as when the first was killed just before it said so
    assert shown(shop) == ["A"]
    assert "going back to 20261120T100000Z-1" in said[0]
    assert "it stays" in said[1]
    assert "20261120T100000Z-1 is live as publication 3" in capfd.readouterr().out


def test_a_version_that_its_gate_refused_is_not_put_live_unasked(shop, stack):
    store_version(shop, FIRST, "A", passed=False)
    with pytest.raises(RefusedVersionError, match=r"too few.*--anyway"):
        put_live.check_gate(stack, FIRST)
    with pytest.raises(ProblemError, match="no whole version 20261120T110000Z-2"):
        put_live.check_gate(stack, SECOND)


def test_there_is_no_rollback_before_a_second_version(shop, stack):
    store_version(shop, FIRST, "A")
    publish(shop, FIRST)
    with pytest.raises(ProblemError, match="no version before"):
        rollback.roll_back(stack, print)


def test_old_versions_go_whole_and_what_a_rollback_needs_stays(shop, monkeypatch):
    monkeypatch.setattr(retention, "KEPT_VERSIONS", 1)
    monkeypatch.setattr(retention, "KEPT_PUBLICATIONS", 1)
    for version, code in ((FIRST, "A"), (SECOND, "B"), (THIRD, "C")):
        store_version(shop, version, code)
        publish(shop, version)
    publish(shop, SECOND)
    publish(shop, THIRD)
    assert history.versions(shop.s3, shop.bucket) == [SECOND, THIRD]
    assert not [found["Key"] for found in shop.listed("") if str(FIRST) in found["Key"]]
    assert {note.number for note in history.notes(shop.s3, shop.bucket)} == {2, 3, 4, 5}
    assert shown(shop) == ["C"]


def test_a_version_that_was_half_deleted_goes_with_the_next_publication(shop, monkeypatch):
    monkeypatch.setattr(retention, "KEPT_VERSIONS", 1)
    monkeypatch.setattr(retention, "KEPT_DAYS", timedelta(0))
    for version, code in ((FIRST, "A"), (SECOND, "B"), (THIRD, "C")):
        store_version(shop, version, code)
    for key in (FIRST.card, FIRST.model, FIRST.items):  # killed after these
        shop.s3.delete_object(Bucket=shop.bucket, Key=key)
    publish(shop, THIRD)
    assert history.versions(shop.s3, shop.bucket) == [THIRD]


def test_what_could_not_be_deleted_is_said_and_the_version_is_live(shop):
    class Guarded:
        def __getattr__(self, name):
            return getattr(shop.s3, name)

        def delete_object(self, **_):
            raise shop.s3.exceptions.ClientError({"Error": {"Code": "AccessDenied"}}, "DeleteObject")

    said = []
    store_version(shop, FIRST, "A")
    for day in range(60):
        shop.s3.put_object(Bucket=shop.bucket, Key=Version(FIRST.as_of, -day).customers, Body=b"")
    guarded = publication.Shop(Guarded(), shop.dynamodb, shop.bucket, shop.table)
    live = publication.publish(
        guarded, FIRST, full=False, deadline=time.monotonic() + LONG_S, report=said.append
    )
    assert live.live_version == str(FIRST)
    assert "old versions could not be deleted" in said[-1]


def test_a_publication_notes_how_many_items_it_wrote(shop):
    store_version(shop, FIRST, "A")
    publish(shop, FIRST)
    note = json.loads(shop.object(opened_key(1)))
    assert (note["items"], note["parts"]) == (1, 1)
