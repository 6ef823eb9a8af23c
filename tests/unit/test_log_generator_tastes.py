"""The simulated shop's customers, catalogue and seasons can be learned from: the demo's, as it has them."""

import dataclasses
import threading
from collections import Counter, defaultdict

import numpy as np
import pytest

from contracts.catalogue import parse_catalogue
from contracts.order_line import (
    PRODUCT_CODE,
    Fate,
    fate_of,
)
from log_generator.catalogue import make_catalogue
from log_generator.customers import GUEST, HABITS, make_customers
from log_generator.opening import Opening, run_shop
from log_generator.truth import truth
from log_generator.visits import Door, Visits
from tests.simulated_shop import END, WEEK_S, raw_lines, read_back, run, sequences


@pytest.fixture(scope="module")
def default_shop(tmp_path_factory):
    """100,000 lines over ten weeks, as the demo has them."""
    folder = tmp_path_factory.mktemp("shop")
    tally, shop = run(folder, 100_000)
    return tally, shop, raw_lines(folder), folder


@pytest.fixture(scope="module")
def orders(default_shop):
    return read_back(default_shop[2])[1]


def bought_by_known(orders):
    return [order for order in orders if fate_of(order) is Fate.SALE]


def test_a_source_has_no_gap_and_exactly_the_lines_asked_for(default_shop):
    tally, _, lines, _ = default_shop
    numbers = sequences(lines)
    assert len(lines) == 100_000
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(1, tally.last + 1))
    assert len(numbers) - len(set(numbers)) == tally.plain()["fates"]["duplicate"] > 0


def test_orders_are_in_the_order_of_time_and_fill_the_window(orders):
    times = [order.time.timestamp() for order in orders]
    assert times == sorted(times)
    assert END - 10 * WEEK_S <= times[0] < END - 10 * WEEK_S + 6 * 3600
    assert END - 3600 < times[-1] <= END


def test_the_demo_has_customers_items_and_repeats_a_recommender_can_learn_from(orders):
    sales = bought_by_known(orders)
    assert 3_000 <= len({order.customer for order in sales}) <= 5_000
    assert 1_500 <= len({order.stock_code for order in sales}) <= 2_500
    cut = max(order.time for order in sales).timestamp() - 2 * WEEK_S
    before, after = set(), set()
    for order in sales:
        (before if order.time.timestamp() < cut else after).add((order.customer, order.stock_code))
    known = {customer for customer, _ in before}
    tested = {pair for pair in after if pair[0] in known}
    assert 0.38 <= len(tested & before) / len(tested) <= 0.52


def test_a_habit_is_due_once_in_each_of_its_turns():
    """Within a block of visits as from block to block; a guest has no habits."""
    day = 86_400
    catalogue = make_catalogue(1, 100, 0, day)
    customers = dataclasses.replace(
        make_customers(1, 1, 0, day, catalogue),
        rhythm_s=np.full((1, HABITS), 10.0 * day),
        phase_s=np.zeros((1, HABITS)),
    )
    door = Door(customers, last_visits=np.array([5 * day]))

    def due(*days: int, guest: bool = False) -> list[int]:
        times = np.array(days) * day
        who = np.full(len(days), GUEST if guest else 0)
        habits, is_due = door.due_habits(np.random.default_rng(1), Visits(times, np.zeros_like(times), who))
        assert set(habits[0].tolist()) == set(customers.habits[0].tolist())
        return is_due.sum(axis=1).tolist()

    assert due(6, 11, 12, 21) == [0, HABITS, 0, HABITS]
    assert due(29) == [0]
    assert due(31, guest=True) == [0]
    assert due(32) == [HABITS]


def test_customers_buy_from_the_groups_the_truth_names(default_shop, orders):
    """Ten times as often as by chance, and the heavier a group the more."""
    _, shop, _, _ = default_shop
    tastes = truth(shop.catalogue, shop.customers)
    lines = [
        (tastes["customers"][order.customer], tastes["items"][order.stock_code])
        for order in bought_by_known(orders)
    ]
    liked = sum(group in taste for taste, group in lines) / len(lines)
    first = sum(group == max(taste, key=taste.get) for taste, group in lines) / len(lines)
    assert liked > 0.6
    assert first > 0.25
    assert len(tastes["groups"]) >= 40
    assert all(sum(taste.values()) == pytest.approx(1, abs=0.001) for taste in tastes["customers"].values())


def test_what_is_bought_together_shares_a_group_or_is_its_companion(default_shop, orders):
    """Counted on the invoices alone, the strongest pairs are those the truth put together."""
    tastes = truth(default_shop[1].catalogue, default_shop[1].customers)
    baskets = defaultdict(set)
    for order in orders:
        if fate_of(order) in {Fate.SALE, Fate.GUEST}:
            baskets[order.invoice].add(order.stock_code)
    pairs = Counter(
        (one, other) for basket in baskets.values() for one in basket for other in basket if one < other
    )
    groups, companions = tastes["items"], tastes["companions"]

    def together(one: str, other: str) -> bool:
        one, other = groups[one], groups[other]
        return one == other or companions[one] == other or companions[other] == one

    strongest = [pair for pair, _ in pairs.most_common(200)]
    assert sum(together(*pair) for pair in strongest) > 150


def test_the_day_and_the_week_have_their_curve(orders):
    by_hour = Counter(order.time.hour for order in orders)
    by_day = Counter(order.time.weekday() for order in orders)
    assert by_hour[12] > 5 * by_hour[3]
    assert by_day[3] > by_day[5] > 0
    assert len(by_hour) == 24
    assert len(by_day) == 7


def test_guests_credit_notes_fees_and_bulk_buyers_are_there(orders):
    fates = Counter(map(fate_of, orders))
    assert 0.08 < fates[Fate.GUEST] / len(orders) < 0.12
    assert 0.005 < fates[Fate.RETURN] / len(orders) < 0.03
    assert 0.002 < fates[Fate.FEE] / len(orders) < 0.02
    assert {"POST", "M", "D", "BANK CHARGES"} <= {order.stock_code for order in orders}
    assert max(order.quantity for order in orders) > 1_000


def test_only_what_was_bought_comes_back(orders):
    bought = Counter()
    for order in orders:
        if fate_of(order) is Fate.RETURN:
            assert order.invoice.startswith("C")
            # A sale that dirt has broken or robbed of its customer may be what comes back.
            bought["known"] += (order.customer, order.stock_code) in bought
            bought["returns"] += 1
        else:
            bought[order.customer, order.stock_code] += 1
    assert bought["known"] > 0.97 * bought["returns"] > 0


def test_newcomers_come_items_appear_and_sell_out(default_shop, orders):
    """The catalogue file tells it: what is sold out is listed, and not for sale."""
    _, shop, _, folder = default_shop
    items = {item.code: item for item in parse_catalogue((folder / "catalogue.csv").read_bytes())}
    sold = {order.stock_code for order in orders if PRODUCT_CODE.fullmatch(order.stock_code)}
    assert sold <= items.keys()
    gone = {code for code, item in items.items() if not item.for_sale}
    assert 0.05 < len(gone) / len(items) < 0.2
    assert all(PRODUCT_CODE.fullmatch(code) for code in items)
    middle = END - 5 * WEEK_S
    early = [order for order in orders if order.time.timestamp() < middle]
    late = [order for order in orders if order.time.timestamp() >= middle]
    assert {order.stock_code for order in late} - {order.stock_code for order in early}
    assert len({order.customer for order in late} - {order.customer for order in early}) > 100
    out_at = dict(zip(shop.catalogue.codes, shop.catalogue.sells_out.tolist(), strict=True))
    new_at = dict(zip(shop.catalogue.codes, shop.catalogue.appears.tolist(), strict=True))
    for order in orders:
        if fate_of(order) in {Fate.SALE, Fate.GUEST}:
            assert new_at[order.stock_code] <= order.time.timestamp() < out_at[order.stock_code]


def test_variants_share_their_base_code_and_names_hold_commas_and_quotes(default_shop):
    codes, names = default_shop[1].catalogue.codes, default_shop[1].catalogue.names
    bases = Counter(code[:5] for code in codes)
    assert len(set(codes)) == len(codes)
    assert sum(count > 1 for count in bases.values()) > 100
    assert any("," in name for name in names)
    assert any('"' in name for name in names)
    name_of = dict(zip(codes, names, strict=True))
    sized = [code for code in codes if name_of[code].endswith(", Medium")]
    assert sized
    assert all(name_of[code[:5] + "A"] == name_of[code].replace("Medium", "Small") for code in sized)


def test_christmas_sells_before_christmas_and_the_garden_in_summer(tmp_path):
    shares = {}
    for month, end in (("june", END - 157 * 86_400), ("december", END + 25 * 86_400)):
        opening = Opening(tmp_path / month, end=end, window_s=WEEK_S, lines=5_000, items=2_000)
        _, shop = run_shop(opening, threading.Event())
        department = {
            code: shop.catalogue.group_of(item).split(":")[0]
            for item, code in enumerate(shop.catalogue.codes)
        }
        _, orders = read_back(raw_lines(tmp_path / month))
        sold = Counter(department.get(order.stock_code) for order in orders)
        shares[month] = sold["Christmas"] / sold["Garden"]
    assert shares["december"] > 2 * shares["june"]
