"""How a study's lists go live on the real local AWS: whole, beside no run, and with the way back said."""

import json
import time

import numpy as np
import pyarrow as pa
import pytest

from contracts import history, lease, publications
from contracts.lists import customer_key
from contracts.s3_layout import Version
from emr_jobs.explicit import serving
from emr_jobs.explicit.recommendations import Lists
from emr_jobs.explicit.serving import NoListsError, NotLiveError
from emr_jobs.publishing import publication, turn
from emr_jobs.stages import Stages
from emr_jobs.study import REFUSALS
from tests.publisher import publisher

FIRST, SECOND = Version.parse("20170503T090000Z-7"), Version.parse("20170503T090000Z-8")
TOLD = {"lists_by": "implicit ALS"}
LONG_S = 60.0


@pytest.fixture(autouse=True)
def published(shop, monkeypatch):
    monkeypatch.setattr(turn, "_POLL_SECONDS", 0.01)
    with publisher(shop):
        yield


def lists(*best):
    """A row of places among two items for each user; -1 ends a list."""
    best = np.array(best, np.int32)
    users = pa.array([f"u{number}" for number in range(len(best))])
    popular = np.array([0, 1], np.int32)
    return Lists(users, pa.array(["A", "B"]), pa.array(["A", "B"]), best, np.full_like(best, -1), popular)


TWO = lists([0, 1], [1, -1])


def put_live(shop, version=FIRST, made=TWO, patience=0.0):
    serving.put_live(shop, version, made, TOLD, LONG_S, Stages("study"), patience)


def live(shop):
    known = publications.read(shop.dynamodb, shop.table)
    return known.live_version if known else None


def held(shop):
    """The lease of a run that is active."""
    now = int(time.time())
    return lease.start(
        shop.dynamodb, shop.table, lease.take(shop.dynamodb, shop.table, now), "j-1", now + 900
    )


def test_a_way_back_is_said_only_where_there_is_one(shop, capsys):
    put_live(shop)
    assert "publication 1; there is no version to go back to" in capsys.readouterr().out
    put_live(shop, SECOND)
    assert f"publication 2; `cadabra rollback` goes back to {FIRST}" in capsys.readouterr().out


def test_who_has_no_list_is_not_counted_and_not_served(shop):
    put_live(shop, made=lists([0, 1], [-1, -1], [1, -1]))
    card = json.loads(shop.object(FIRST.card))
    assert card["coverage"] == {"customers": 2, "items": 2}
    assert (card["ranking"]["customers"], card["ranking"]["ranked"]) == (2, 2)
    keys = [{"id": {"S": customer_key(user)}} for user in ("u0", "u1", "u2")]
    there = ["Item" in shop.dynamodb.get_item(TableName=shop.table, Key=key) for key in keys]
    assert there == [True, False, True]


def test_empty_lists_never_go_live(shop):
    put_live(shop)
    with pytest.raises(NoListsError, match=r"of 1 users none has a list.*what was live stays"):
        put_live(shop, SECOND, lists([-1, -1]))
    assert live(shop) == str(FIRST)
    assert history.versions(shop.s3, shop.bucket) == [FIRST]


def test_while_a_run_is_active_the_version_is_stored_and_does_not_go_live(shop, capsys):
    run = held(shop)
    with pytest.raises(NotLiveError, match=f"run {run.number} still holds.*cadabra publish {FIRST}"):
        put_live(shop, patience=0.1)
    assert f"at most, until run {run.number} has ended" in capsys.readouterr().out
    assert live(shop) is None
    assert lease.read(shop.dynamodb, shop.table) == run
    assert json.loads(shop.object(FIRST.card))["gate"]["passed"]


def test_its_turn_comes_once_the_run_that_it_waits_for_has_ended(shop):
    run, said = held(shop), []

    def hear(text):
        said.append(text)
        lease.release(shop.dynamodb, shop.table, run.number)

    with turn.turn(shop, LONG_S, hear, LONG_S):
        assert lease.read(shop.dynamodb, shop.table).number > run.number
    assert len(said) == 1


@pytest.mark.parametrize("fails", [False, True])
def test_no_run_starts_while_it_goes_live_and_the_next_may_start_however_it_ended(shop, monkeypatch, fails):
    seen = []

    def publish(shop, version, **how):
        held = lease.read(shop.dynamodb, shop.table)
        seen.append((held.free, held.deadline - time.time() > how["deadline"] - time.monotonic()))
        if fails:
            raise publication.PublicationLateError("late")
        return real(shop, version, **how)

    real = publication.publish
    monkeypatch.setattr(publication, "publish", publish)
    if fails:
        with pytest.raises(publication.PublicationLateError):
            put_live(shop)
    else:
        put_live(shop)
    assert seen == [(False, True)]
    assert lease.read(shop.dynamodb, shop.table).free


def test_what_refuses_it_ends_the_step_with_a_message():
    assert {NoListsError, NotLiveError} <= set(REFUSALS)
