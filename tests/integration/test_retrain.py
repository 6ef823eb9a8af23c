"""A run of retrain from orders to lists that are live, on the real local AWS."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from contracts import lease, publications
from contracts.lists import customer_key, together_key
from contracts.s3_layout import Version
from emr_jobs.publishing.publication import PublicationLateError
from emr_jobs.session import NoOrdersError
from tests.publisher import publisher
from tests.retrain_runs import DEFAULTS, NOON, ORDERS, begin, card, codes, go, sale, served


def test_orders_become_lists_that_are_live_each_entry_with_its_reason(shop):
    run = begin(shop)
    with publisher(shop):
        go(shop, run)
    version = Version(datetime(2026, 11, 20, 10, tzinfo=UTC), run.number)  # the newest order is of 09:00
    live = publications.read(shop.dynamodb, shop.table)
    assert (live.live_number, live.live_version) == (1, str(version))
    ann = served(shop, customer_key("ann"))
    assert [(entry.code, entry.reason) for entry in ann["for_you"][:2]] == [("10001", "a"), ("10002", "a")]
    assert ann["discover"][0].code == "10003"
    assert {entry.code for entry in ann["discover"]} == {"10003", "20001", "20002"}
    assert [entry.code for entry in served(shop, together_key("10001"))["together"]] == ["10002"]
    assert {entry.code for entry in served(shop, "popular")["popular"]} >= {"10001", "10002"}
    written = card(shop, version)
    first = "the first model: nothing live to compare it with"
    few = "only 0 customers to judge by, 100 would decide"
    assert written["gate"] == {"passed": True, "reasons": [first, few]}
    assert (written["ranking"]["by"], written["ranking"]["ranked"]) == ("the linear blend", 3)
    assert (written["coverage"], written["orders"]["lines"]) == ({"customers": 3, "items": 5}, 10)


def test_orders_younger_than_fifteen_minutes_wait_for_the_next_run(shop):
    with publisher(shop):
        go(shop, begin(shop), (*ORDERS, sale("ann", "20002", "7", 0.1)))
    live = publications.read(shop.dynamodb, shop.table)
    assert Version.parse(live.live_version).as_of == datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert "20002" in codes(served(shop, customer_key("ann"))["discover"])


def test_as_of_may_be_told(shop):
    run = replace(begin(shop), as_of=NOON - timedelta(hours=25))
    with publisher(shop):
        go(shop, run)
    live = publications.read(shop.dynamodb, shop.table)
    assert live.live_version == f"20261119T110000Z-{run.number}"
    assert served(shop, customer_key("cid")) is None  # first bought twenty hours before noon


def test_no_orders_is_said_clearly(shop):
    with pytest.raises(NoOrdersError, match="holds no orders from before 2026-11-20 11:45 UTC"):
        go(shop, begin(shop), ())


def test_a_customer_who_vanished_from_the_orders_is_served_no_more(shop):
    two = [line for line in ORDERS if line["customer"] != "cid"]
    settings = replace(DEFAULTS, gate_coverage=0.5)
    with publisher(shop):
        go(shop, begin(shop), ORDERS, settings)
        go(shop, begin(shop), two, settings)
    assert served(shop, customer_key("cid")) is None
    assert "20001" not in codes(served(shop, customer_key("ann"))["discover"])


def test_a_run_without_the_lease_commits_nothing(shop):
    run = begin(shop)
    lease.release(shop.dynamodb, shop.table, run.number)
    with pytest.raises(lease.LeaseLostError):
        go(shop, run)
    assert "Contents" not in shop.s3.list_objects_v2(Bucket=shop.bucket)


def test_killed_while_publishing_the_next_run_ends_right(shop):
    late = replace(begin(shop), wait_seconds=0)
    with pytest.raises(PublicationLateError):
        go(shop, late)
    lease.release(shop.dynamodb, shop.table, late.number)
    with publisher(shop):
        go(shop, begin(shop))
    assert publications.read(shop.dynamodb, shop.table).live_number == 2
    assert served(shop, customer_key("cid"))["discover"]
