"""What `cadabra status` says, in plain words; only what does not add up makes it fail."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from contracts.order_line import Fate
from infra.lake.arrivals import Silence, Waiting
from infra.lake.ledger import Account
from infra.lake.recount import Difference
from infra.lake.status import Run, Status
from infra.lake.status_report import lines, plain

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
NONE = Waiting(0, None)
FATES = dict.fromkeys(Fate, 0) | {Fate.SALE: 10}
WHOLE = Account("shop", 10, FATES, 10, ())
QUIET = Status(
    now=NOW,
    accounts=[WHOLE],
    newest_order=NOW - timedelta(minutes=5),
    newest_run=NOW - HOUR,
    untaken=NONE,
    silence=Silence(0, 240, ()),
    firehose_errors=NONE,
    live_version="20261120T110000Z-7",
    live_card="",
    open_publication="",
    run=None,
    dead_letters=0,
)


def said(**changes):
    return list(lines(replace(QUIET, **changes)))


def test_a_quiet_shop_is_told_in_four_lines():
    assert said() == [
        "both equations hold: all 10 landed lines have their fate, none is missing",
        "newest order: 2026-11-20 11:55, 5 min ago",
        "live: 20261120T110000Z-7, from orders up to 2026-11-20 11:00 UTC, 60 min ago",
        "no retrain is active",
    ]
    assert QUIET.healthy


def test_objects_of_this_hour_are_the_next_runs():
    found = said(untaken=Waiting(1, NOW))
    assert found[-1] == "1 object for the next run, the oldest of 2026-11-20 12:00"


def test_objects_that_no_run_would_look_at_come_with_the_command_that_takes_them():
    found = said(untaken=Waiting(2, NOW - timedelta(days=3)))
    assert found[-1] == (
        "warning: 2 objects that no run has taken; the oldest is of 2026-11-17 12:00, before what the next "
        "run looks at. To take all: cadabra retrain --first 2026-11-17T12"
    )


def test_firehose_errors_and_silence_are_warnings_that_fail_nothing():
    night = (NOW - 5 * HOUR, NOW - 4 * HOUR)
    changes = {"firehose_errors": Waiting(3, NOW - HOUR), "silence": Silence(2, 240, (night,))}
    errors, silence = said(**changes)[-2:]
    assert errors.startswith("warning: 3 objects in firehose-errors/, the oldest of 2026-11-20 11:00")
    assert silence == "warning: no object arrived in 2 of 240 hours: 2026-11-20 07:00 to 09:00"
    assert replace(QUIET, **changes).healthy


def test_many_silences_are_told_by_the_newest():
    days = [NOW - timedelta(days=day) for day in (5, 4, 3, 2, 1)]
    found = said(silence=Silence(5, 240, tuple((day, day) for day in days)))[-1]
    assert found == (
        "warning: no object arrived in 5 of 240 hours (2 earlier times not shown): "
        "2026-11-17 12:00 to 13:00, 2026-11-18 12:00 to 13:00, 2026-11-19 12:00 to 13:00"
    )


@pytest.mark.parametrize(
    ("run", "line"),
    [
        (Run(7, "j-1", NOW + HOUR, "RUNNING"), "retrain 7 is active on cluster j-1"),
        (Run(7, "", NOW + HOUR, ""), "retrain 7 is active on cluster (starting)"),
        (
            Run(7, "j-1", NOW + HOUR, "TERMINATED_WITH_ERRORS"),
            (
                "retrain 7 has ended without giving its lease back: cluster j-1 is TERMINATED_WITH_ERRORS. "
                "The next start clears it away"
            ),
        ),
        (
            Run(7, "j-1", NOW - HOUR, "RUNNING"),
            "retrain 7 is overdue by 60 min: the next start ends its cluster j-1",
        ),
    ],
)
def test_who_holds_the_lease_and_lives_is_told(run, line):
    assert said(run=run)[-1] == line


def test_a_missing_line_and_a_dead_letter_fail():
    lost = replace(WHOLE, written=11, gaps=((4, 4),))
    assert not replace(QUIET, accounts=[lost]).healthy
    assert said(accounts=[lost])[0] == "shop: 1 of 11 written lines is not in the lake (yet): 4"
    assert not replace(QUIET, dead_letters=1).healthy
    assert said(dead_letters=1)[-1].startswith("1 message in the dead-letter queue")


def test_a_recount_is_told_with_the_objects_that_differ():
    assert "recounted: the tables hold what the ledger tells of 1 object" in lines(QUIET, (1, []))
    found = list(lines(QUIET, (2, [Difference("orders/a", {"sale": 2}, {"sale": 1})])))
    assert found[1:3] == [
        "recounted: the tables differ from the ledger in 1 object:",
        "  orders/a: told 2 sale, found 1",
    ]


def test_json_holds_all_of_it():
    told = json.loads(json.dumps(plain(QUIET, (1, [])), default=datetime.isoformat))
    assert told["healthy"] is True
    assert told["accounts"][0]["fates"]["sale"] == 10
    assert told["newest_order"] == "2026-11-20T11:55:00+00:00"
    assert told["recount"] == {"objects": 1, "differences": []}


def test_what_the_model_card_says_of_the_live_lists_is_told():
    assert "its lists: NDCG@20 for_you 0.531" in said(live_card="NDCG@20 for_you 0.531")
