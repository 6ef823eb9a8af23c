"""Orders that are hardly any, or strange, become a right list or a clear word."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from emr_jobs import orders as order_lines
from emr_jobs.candidates.past import past
from emr_jobs.lists import ranked, served
from emr_jobs.orders import epoch
from emr_jobs.ranker import features
from emr_jobs.ranker.forest import Forest
from emr_jobs.settings import Settings

NOW = datetime(2026, 11, 20, tzinfo=UTC)
SETTINGS = Settings()
_ROOT, _LEAF = np.zeros(1, np.int32), np.full(1, np.inf, np.float32)
EVEN = Forest(features.NAMES, 0, _ROOT, _ROOT, _LEAF, _ROOT, np.zeros(1))  # every candidate is as good


def sale(customer, code, days, price=1.0, quantity=1, fate="sale"):
    return {
        "customer": customer,
        "stock_code": code,
        "invoice": f"{customer}{days}",
        "quantity": quantity,
        "time": NOW - timedelta(days=days),
        "unit_price": price,
        "fate": fate,
    }


def lists(*lines):
    """Both rankers' lists, by customer's name and list: sets of codes."""
    known = order_lines.from_arrow(pa.Table.from_pylist(list(lines)))
    then = past(known, epoch(NOW), SETTINGS, seed=0)
    buyers = served.buyers(then.fitted)
    items = known.items.to_pylist()
    both = (ranked.by_blend(then.fitted, buyers, SETTINGS), ranked.by_forest(then, EVEN, buyers))
    return [
        {
            (known.customers[int(row)].as_py(), name): {items[item] for item in best[row] if item >= 0}
            for name, best in made.items()
            for row in buyers
        }
        for made in both
    ]


def test_one_customer_of_one_item_gets_it_again_and_nothing_to_discover():
    for made in lists(sale("ann", "10001", 3)):
        assert made == {("ann", "for_you"): {"10001"}, ("ann", "discover"): set()}


def test_one_item_of_many_customers_is_everybodys_list():
    for made in lists(*(sale(f"c{n}", "10001", n) for n in range(70))):
        assert all(made[f"c{n}", "for_you"] == {"10001"} for n in range(70))


def test_where_everything_came_back_nobody_has_lists():
    back = [sale("ann", "10001", 3, fate="return"), sale("bob", "10002", 2, fate="return")]
    assert lists(*back) == [{}, {}]


def test_a_price_that_is_no_number_is_no_price_and_what_had_none_is_no_sale():
    strange = [sale("ann", "10002", 2, float("nan")), sale("ann", "10003", 2, float("inf"))]
    for made in lists(sale("ann", "10001", 3), sale("bob", "10004", 1), *strange):
        assert made["ann", "for_you"] == {"10001", "10004"}


def test_a_customer_of_ten_thousand_items_has_full_lists_and_discovers_only_others():
    many = [sale("ann", f"{code}", code % 50) for code in range(10_000, 20_000)]
    others = [sale(f"c{n}", f"{code}", n) for n in range(3) for code in range(19_990, 20_040)]
    for made in lists(*many, *others):
        assert len(made["ann", "for_you"]) == 30
        assert made["ann", "discover"] <= {f"{code}" for code in range(20_000, 20_040)}
        assert len(made["ann", "discover"]) == 30


def test_an_order_of_everything_at_once_is_no_basket_but_a_purchase_all_the_same():
    at_once = [sale("ann", f"{code}", 1) for code in range(10_000, 10_400)]
    for made in lists(*at_once, sale("bob", "10001", 1)):
        assert len(made["ann", "for_you"]) == 30
        assert made["ann", "discover"] == set()


@pytest.mark.parametrize("code", ["DCGS0003", "00000", "99999ZZZ"])
def test_codes_of_any_product_form_have_a_base(code):
    for made in lists(sale("ann", code, 1), sale("ann", "10001A", 2)):
        assert made["ann", "for_you"] == {code, "10001A"}
