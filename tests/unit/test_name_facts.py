"""A candidate's name is compared with the names of what the customer bought, and never with itself."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from emr_jobs.candidates import block, named
from emr_jobs.candidates.group import group
from emr_jobs.candidates.past import past
from emr_jobs.judging.first_names import first_names
from emr_jobs.orders import epoch, from_arrow
from emr_jobs.ranker import features
from emr_jobs.settings import Settings

NOW = datetime(2026, 10, 1, tzinfo=UTC)
NAMES = {
    "10001": "Red lantern",
    "10002": "red LANTERNS",  # the same words
    "10003": "Zinc bucket",
    "10004": "red mug",
    "10005": "",
    "10006": "Gloves",
}


def line(customer, code, hour=0, **other):
    return {
        "customer": customer,
        "stock_code": code,
        "invoice": f"{customer}/{code}",
        "quantity": 1,
        "time": NOW.replace(month=9, hour=hour),
        "unit_price": 2.0,
        "fate": "sale",
        "description": NAMES.get(code, ""),
    } | other


def facts(*lines, customer="ann", names=NAMES):
    """Code -> (nearest, usual) of the customer's candidates, found in one block with everybody's."""
    known = from_arrow(pa.Table.from_pylist([*lines, *(line("bob", code) for code in NAMES)])).named(names)
    then = past(known, epoch(NOW), Settings(rank=2), seed=0)
    rows = np.arange(len(known.customers), dtype=np.int32)
    everyone = group(then, rows)
    table = features.table(everyone, features.facts(everyone), rows)
    own = table.customer == known.customers.to_pylist().index(customer)
    columns = [features.NAMES.index(name) for name in ("name_nearest", "name_usual")]
    codes = known.items.take(pa.array(table.item[own])).to_pylist()
    return dict(zip(codes, table.values[own][:, columns].tolist(), strict=True))


def test_the_same_words_are_wholly_alike_and_none_in_common_not_at_all():
    found = facts(line("ann", "10001"), line("ann", "10003"))
    assert found["10002"] == pytest.approx([1, 1 / 2])
    assert found["10006"] == [0, 0]


def test_an_item_is_not_compared_with_itself():
    found = facts(line("ann", "10001"), line("ann", "10003"))
    assert found["10001"] == [0, 0]
    both = facts(line("ann", "10001"), line("ann", "10002"))
    assert both["10001"] == pytest.approx([1, 1 / 2])


def test_a_word_in_common_is_some_likeness_and_the_nearest_counts():
    one, both = facts(line("ann", "10001")), facts(line("ann", "10001"), line("ann", "10003"))
    assert 0 < one["10004"][0] < 1
    assert both["10004"] == pytest.approx([one["10004"][0], one["10004"][1] / 2])


def test_what_shares_a_word_and_sells_is_a_candidate_and_what_sells_to_nobody_is_none():
    known = from_arrow(
        pa.Table.from_pylist([line("ann", "10001"), line("bob", "10004"), line("", "10002", fate="guest")])
    ).named(NAMES)
    then = past(known, epoch(NOW), Settings(rank=2), seed=0)
    ann = group(then, np.array([0], np.int32))
    offered = named.offer(ann, block.block(ann, np.array([0], np.int32)))
    codes = known.items.to_pylist()
    assert [codes[item] for item in offered[0] if item >= 0] == [
        "10004"
    ]  # 10001 is hers, 10002 no customer's


def test_what_has_no_name_is_like_nothing():
    assert facts(line("ann", "10001"))["10005"] == [0, 0]
    assert set(map(tuple, facts(line("ann", "10001"), names={}).values())) == {(0.0, 0.0)}


def test_other_customers_of_the_block_change_nothing():
    alone = facts(line("ann", "10001"))
    assert facts(line("ann", "10001"), line("abe", "10003"), line("zoe", "10004")) == alone


def test_an_items_name_is_what_it_was_called_when_it_first_sold():
    lines = [
        line("ann", "10001", 3, description="Renamed later"),
        line("", "10001", 2, fate="guest", description="Red lantern"),
        line("ann", "10001", 1, unit_price=0.0, description="damaged"),
        line("ann", "10001", 0, fate="return", description="?"),
        line("ann", "10003", 0, description=""),
    ]
    assert first_names(pa.Table.from_pylist(lines)) == {"10001": "Red lantern"}
