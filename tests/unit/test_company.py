"""Which items go with which is kept for a day, by the items' names; a damaged file is refused."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import takewhile

import numpy as np
import pyarrow as pa
import pytest

from emr_jobs import orders as order_lines
from emr_jobs.candidates import company
from emr_jobs.candidates.company import Company, CompanyUnreadableError
from emr_jobs.candidates.links import Links
from emr_jobs.candidates.past import known, past
from emr_jobs.lists import ranked
from emr_jobs.orders import DAY_SECONDS, epoch
from emr_jobs.ranker import features
from emr_jobs.ranker.forest import Forest
from emr_jobs.ratings import pairs
from emr_jobs.settings import Settings
from tests.damage import damaged

NOW = datetime(2026, 11, 20, tzinfo=UTC)
SETTINGS = replace(Settings(), rank=4)
_LEAF = np.full(1, np.inf, np.float32)
EVEN = Forest(
    features.NAMES, 0, np.zeros(1, np.int32), np.zeros(1, np.int32), _LEAF, np.zeros(1, np.int32), np.zeros(1)
)


def read(baskets):
    """Each basket is bought by a customer of its own, at noon of the day before."""
    lines = [
        {
            "customer": f"c{number}",
            "stock_code": code,
            "invoice": str(number),
            "quantity": 1,
            "time": NOW - timedelta(hours=12),
            "unit_price": 1.0,
            "fate": "sale",
        }
        for number, basket in enumerate(baskets)
        for code in basket.split()
    ]
    return order_lines.from_arrow(pa.Table.from_pylist(lines))


def counted(orders, now=NOW):
    return company.counted(orders, pairs(orders), epoch(now), SETTINGS)


def named(held, which="beside"):
    """Each item's company by name, strongest first, as far as the kernel reads it."""
    items, found = held.items.to_pylist(), getattr(held, which)
    return {
        item: [
            (items[other], pytest.approx(float(strength)))
            for other, strength in takewhile(lambda link: link[0] >= 0, zip(*row, strict=True))
        ]
        for item, row in zip(items, zip(found.others, found.strengths, strict=True), strict=True)
    }


BASKETS = ["10001 10002", "10001 10002", "10001 10003", "10002 10004"]


def test_an_items_company_is_what_shares_its_invoices():
    held = named(counted(read(BASKETS)))
    assert held["10001"] == [("10002", 2 / (3 + 5)), ("10003", 1 / (3 + 5))]  # of 3 invoices, shrunk by 5
    assert held["10004"] == [("10002", 1 / (1 + 5))]


def test_it_is_the_same_when_read_back():
    held = counted(read(BASKETS))
    again = company.load(company.dump(held))
    assert (again.items, again.made) == (held.items, epoch(NOW))
    for which in ("alike", "beside"):
        assert named(again, which) == named(held, which)


def test_new_items_have_none_yet_and_items_that_are_gone_are_in_none():
    held = counted(read(BASKETS))
    today = pa.array(["00001", "10001", "10003", "10004"])  # 10002 is gone, another name sorts first
    for which in ("alike", "beside"):
        before = named(held, which)
        moved = named(company.moved(held, today), which)
        assert moved == {
            "00001": [],
            "10001": [pair for pair in before["10001"] if pair[0] != "10002"],
            "10003": before["10003"],
            "10004": [],
        }


def test_it_serves_for_a_day_and_never_where_it_knows_more_than_is_known():
    then, now = read(BASKETS), read([*BASKETS, "10003 10004"])
    held = counted(then)

    def taken(later):
        return named(company.company(held, now, pairs(now), epoch(NOW) + later, SETTINGS))

    assert taken(0) == taken(DAY_SECONDS - 1) == named(held)
    assert taken(DAY_SECONDS) == taken(-1) == named(counted(now)) != named(held)


def test_lists_from_a_company_kept_are_those_from_one_just_counted():
    orders = read([f"1000{n % 7} 1000{n % 5} 1000{n % 3}" for n in range(40)])
    fresh = past(orders, epoch(NOW), SETTINGS, seed=0)
    kept = company.load(company.dump(fresh.company))
    again = known(orders, fresh.fitted, fresh.slow, company.moved(kept, orders.items), SETTINGS)
    everyone = np.arange(40, dtype=np.int32)
    few = np.array([3, 17, 31], np.int32)
    whole, some = ranked.by_forest(fresh, EVEN, everyone), ranked.by_forest(again, EVEN, few)
    for name in whole:
        assert (whole[name][:, 0] >= 0).all()
        assert np.array_equal(some[name][few], whole[name][few])


@pytest.mark.parametrize("raw", [b"", b"no company", b"PK\x03\x04 cut short"])
def test_what_is_none_is_refused(raw):
    with pytest.raises(CompanyUnreadableError, match="can be read"):
        company.load(raw)


@pytest.mark.parametrize(
    "damage",
    [
        Links(np.full((1, 1), 5, np.int32), np.zeros((1, 1), np.float32)),  # an item there is not
        Links(np.full((1, 1), -2, np.int32), np.zeros((1, 1), np.float32)),
        Links(np.zeros((2, 1), np.int32), np.zeros((2, 1), np.float32)),
        Links(np.zeros((1, 1), np.int32), np.full((1, 1), np.nan, np.float32)),
        Links(np.zeros((1, 1), np.int32), np.zeros((1, 2), np.float32)),
        Links(np.zeros((1, 1), np.int64), np.zeros((1, 1), np.float32)),
    ],
)
def test_links_that_lead_out_of_it_are_refused(damage):
    whole = Links(np.zeros((1, 1), np.int32), np.zeros((1, 1), np.float32))
    company.load(company.dump(Company(pa.array(["10001"]), 0, whole, whole)))
    with pytest.raises(CompanyUnreadableError, match="do not fit"):
        company.load(company.dump(Company(pa.array(["10001"]), 0, whole, damage)))


def test_a_flipped_byte_is_noticed_or_harmless():
    written = company.dump(counted(read(BASKETS)))
    for raw in damaged(written):
        try:
            held = company.load(raw)
        except CompanyUnreadableError:
            continue
        assert company.dump(held) == written
