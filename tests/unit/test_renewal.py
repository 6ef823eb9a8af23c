"""Who is ranked anew: those whose orders changed, those whose items are gone, and once a day everyone."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from contracts.lists import customer_key
from emr_jobs import orders
from emr_jobs.lists import export, renewal
from emr_jobs.lists.export import Ranked as Listed
from emr_jobs.lists.renewal import Ranked, RankedUnreadableError
from emr_jobs.orders import DAY_SECONDS
from tests.damage import damaged

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def sale(customer, code, hours, quantity=1, fate="sale"):
    return {
        "customer": customer,
        "stock_code": code,
        "invoice": f"{customer}{hours}",
        "quantity": quantity,
        "time": NOON - timedelta(hours=hours),
        "unit_price": 1.0,
        "fate": fate,
    }


LINES = [sale("ann", "10001", 9), sale("ann", "10002", 9), sale("bob", "10002", 5), sale("cid", "10003", 3)]


def read(lines):
    return orders.from_arrow(pa.Table.from_pylist(lines))


def lists(known):
    """Everyone's list is all items in the order of their codes."""
    codes = np.tile(np.arange(len(known.items), dtype=np.int32), (len(known.customers), 1))
    keys = pa.array([customer_key(name) for name in known.customers.to_pylist()])
    every = Listed(codes, np.zeros_like(codes))
    return export.table(keys, {"for_you": every, "discover": every}, known.items, pa.array(["p"]))


def kept(now, last=LINES):
    """The customers whose lists stay, when the last run saw `last` and this one sees `now`."""
    before, after = read(last), read(now)
    made = Ranked(before.customers, renewal.digests(before), 0, "the linear blend")
    unchanged, rows = renewal.kept(made, lists(before), after, renewal.digests(after))
    names = [name for name, stays in zip(after.customers.to_pylist(), unchanged, strict=True) if stays]
    assert rows["key"].to_pylist() == [customer_key(name) for name in names]
    return names


def test_the_same_orders_in_another_order_keep_every_list():
    assert kept(LINES[::-1]) == ["ann", "bob", "cid"]


def test_a_newcomer_moves_rows_but_no_list():
    assert kept([sale("aaa", "10001", 1), *LINES]) == ["ann", "bob", "cid"]


@pytest.mark.parametrize(
    "more",
    [
        sale("bob", "10001", 1),  # bought
        sale("bob", "10002", 2, fate="return"),  # brought back
        sale("bob", "10002", 700),  # arrived late
        sale("bob", "10002", 5),  # the same line once more, under another id
    ],
)
def test_whose_orders_changed_is_ranked(more):
    assert kept([*LINES, more]) == ["ann", "cid"]


def test_who_lost_an_order_is_ranked_and_who_vanished_has_no_list():
    assert kept([sale("ann", "10001", 9), *LINES[2:]]) == ["bob", "cid"]
    assert kept([*LINES[:3], sale("dan", "10003", 3)]) == ["ann", "bob"]


def test_a_list_with_an_item_that_vanished_is_made_anew():
    assert kept(LINES[:3], last=LINES) == []  # everybody's list showed 10003


def test_everyone_is_due_after_a_day_after_another_ranker_and_when_time_went_back():
    made = Ranked(pa.array([]), np.empty(0, np.uint64), 1_000_000, "the linear blend")
    assert renewal.due(made, "the linear blend", 1_000_000 + DAY_SECONDS - 1) == ""
    assert renewal.due(made, "the linear blend", 1_000_000 + DAY_SECONDS)
    assert renewal.due(made, "the linear blend", 999_999)
    assert renewal.due(made, "the forest of 5", 1_000_001)


def test_it_is_read_back_as_it_was_written_and_damage_is_refused():
    known = read(LINES)
    made = Ranked(known.customers, renewal.digests(known), 5, "the linear blend")
    again = renewal.load(renewal.dump(made))
    assert again.customers.equals(made.customers)
    assert np.array_equal(again.digests, made.digests)
    assert (again.everyone, again.ranker) == (5, "the linear blend")
    for raw in (b"", b"no file", renewal.dump(made)[:-40]):
        with pytest.raises(RankedUnreadableError):
            renewal.load(raw)


def test_a_flipped_byte_is_noticed_or_harmless():
    known = read(LINES)
    written = renewal.dump(Ranked(known.customers, renewal.digests(known), 5, "the linear blend"))
    for raw in damaged(written):
        try:
            held = renewal.load(raw)
        except RankedUnreadableError:
            continue
        assert renewal.dump(held) == written
