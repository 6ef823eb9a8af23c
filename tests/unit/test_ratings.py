"""What purchases are worth as ratings: decayed, invoices counted once, returns netted."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from emr_jobs import orders
from emr_jobs.ratings import pairs, ratings

NOW = datetime(2026, 11, 20, tzinfo=UTC)
LINES = ("customer", "item", "invoice", "seconds", "quantity", "price", "sold")  # columns of Orders


def line(customer, code, invoice, days, quantity=1, *, fate="sale", price=1.5):
    """An order line so many days before now."""
    return {
        "customer": customer,
        "stock_code": code,
        "invoice": invoice,
        "quantity": quantity,
        "time": NOW - timedelta(days=days),
        "unit_price": price,
        "fate": fate,
    }


def read(*lines):
    return orders.from_arrow(pa.Table.from_pylist(list(lines)))


def rated(*lines):
    """(customer, item) -> rating, for pairs that have one."""
    known = read(*lines)
    bought = pairs(known)
    matrix = bought.matrix(ratings(bought, orders.epoch(NOW), 14)).tocoo()
    names = known.customers.to_pylist(), known.items.to_pylist()
    return {
        (names[0][row], names[1][column]): pytest.approx(float(value))
        for row, column, value in zip(matrix.row, matrix.col, matrix.data, strict=True)
    }


def test_a_purchase_a_half_life_ago_counts_half_and_the_mean_is_one():
    assert rated(line("ann", "10001", "1", 0), line("bob", "10001", "2", 14)) == {
        ("ann", "10001"): 4 / 3,
        ("bob", "10001"): 2 / 3,
    }


def test_each_invoice_counts_once_however_often_it_names_the_item():
    assert rated(
        line("ann", "10001", "1", 0), line("ann", "10001", "1", 0), line("bob", "10001", "2", 0)
    ) == {("ann", "10001"): 1, ("bob", "10001"): 1}
    assert rated(
        line("ann", "10001", "1", 0), line("ann", "10001", "3", 0), line("bob", "10001", "2", 0)
    ) == {("ann", "10001"): 4 / 3, ("bob", "10001"): 2 / 3}


def test_what_came_back_whole_has_no_rating_but_is_still_known_as_bought():
    lines = (
        line("ann", "10001", "1", 2, quantity=3),
        line("ann", "10001", "C2", 1, quantity=-3, fate="return"),
        line("ann", "10002", "1", 2, quantity=3),
        line("ann", "10002", "C2", 1, quantity=-2, fate="return"),
    )
    assert rated(*lines) == {("ann", "10002"): 1}
    assert pairs(read(*lines)).item.tolist() == [0, 1]


def test_gifts_fees_and_guests_are_no_ratings():
    assert rated(
        line("ann", "10001", "1", 0),
        line("ann", "10002", "1", 0, price=0.0),
        line("ann", "POST", "1", 0, fate="fee"),
        line("", "10003", "2", 0, fate="guest"),
    ) == {("ann", "10001"): 1}


def test_returns_without_a_purchase_are_nothing():
    assert rated(line("ann", "10001", "C1", 0, quantity=-1, fate="return")) == {}


def test_codes_and_their_order_do_not_depend_on_the_order_of_the_lines():
    lines = [
        line("bob", "10002", "2", 1),
        line("", "10003", "3", 1, fate="guest"),
        line("ann", "10001", "1", 1),
    ]
    forth, back = read(*lines), read(*reversed(lines))
    assert forth.customers.to_pylist() == ["ann", "bob"]
    assert forth.items.to_pylist() == ["10001", "10002", "10003"]
    assert forth.customer.tolist() == back.customer.tolist() == [orders.GUEST, 0, 1]
    assert forth.item.tolist() == back.item.tolist() == [2, 0, 1]


def test_chosen_lines_name_only_their_own_customers_and_items():
    known = read(
        line("ann", "10001", "1", 9), line("bob", "10002", "2", 1), line("", "10003", "3", 1, fate="guest")
    )
    recent = known.where(known.seconds > orders.epoch(NOW - timedelta(days=5)))
    assert recent.customers.to_pylist() == ["bob"]
    assert recent.items.to_pylist() == ["10002", "10003"]
    assert recent.customer.tolist() == [orders.GUEST, 0]


def test_lines_in_any_order_are_the_same_pairs():
    known = read(
        line("ann", "10001", "1", 3),
        line("ann", "10001", "1", 3, 5),
        line("ann", "10001", "2", 1),
        line("ann", "10002", "2", 1),
        line("ann", "10002", "3", 0, 1, fate="return"),
        line("bob", "10001", "4", 2),
        line("", "10001", "5", 2, fate="guest"),
    )
    mixed = replace(known, **{name: getattr(known, name)[[5, 1, 3, 0, 6, 4, 2]] for name in LINES})
    for orders_read in (known, mixed):
        bought = pairs(orders_read)
        assert (bought.customer.tolist(), bought.item.tolist()) == ([0, 0, 1], [0, 1, 0])
        assert bought.purchases.tolist() == [2, 1, 1]
        assert bought.kept.tolist() == [True, False, True]
        assert ((bought.last - bought.first) // orders.DAY_SECONDS).tolist() == [2, 0, 0]
        assert bought.starts.tolist() == [0, 2, 3]


def test_the_pairs_of_some_customers_are_theirs_in_the_order_asked_for():
    bought = pairs(read(line("ann", "1", "1", 3), line("bob", "2", "2", 1), line("bob", "2", "3", 28)))
    some = bought.only(np.array([1, 0, 1], np.int32))
    assert (some.customer.tolist(), some.item.tolist()) == ([0, 1, 2], [1, 0, 1])
    assert some.starts.tolist() == [0, 1, 2, 3]
    own, others = some.decayed(orders.epoch(NOW), 14)[:2]
    assert own == pytest.approx(0.5 ** (1 / 14) + 0.25)
    assert others == pytest.approx(0.5 ** (3 / 14))
    assert len(bought.only(np.empty(0, np.int32))) == 0
