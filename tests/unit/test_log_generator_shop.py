"""The simulated shop: what it writes follows from its seed, is counted exactly, and can be learned from."""

import dataclasses
import json
import threading
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest

from contracts.catalogue import parse_catalogue
from contracts.order_line import (
    PRODUCT_CODE,
    Fate,
    OrderLine,
    RefusedLineError,
    fate_of,
    parse_line,
    salvage_event_id,
    split_event_id,
)
from log_generator.__main__ import main
from log_generator.catalogue import make_catalogue
from log_generator.customers import GUEST, HABITS, make_customers
from log_generator.opening import Opening, run_shop
from log_generator.truth import truth
from log_generator.visits import Door, Visits

END = 1_795_172_400  # 2026-11-20T11:00:00Z, a Friday
WEEK_S = 7 * 86_400


def run(folder: Path, lines: int = 5_000, **more):
    opening = Opening(folder, end=END, window_s=more.pop("window_s", 10 * WEEK_S), lines=lines, **more)
    return run_shop(opening, threading.Event())


def raw_lines(folder: Path) -> list[bytes]:
    """All lines, the oldest log first."""
    logs = sorted(folder.glob("orders.log*"), key=first_sequence)
    return [line for log in logs for line in log.read_bytes().splitlines(keepends=True)]


def first_sequence(log: Path) -> int:
    line = log.read_bytes().split(b"\n", 1)[0]
    found = split_event_id(salvage_event_id(line))
    return found[1] if found else 0


def read_back(lines: list[bytes]) -> tuple[Counter, list[OrderLine]]:
    """Every fate as ingest counts it, and the orders."""
    fates, orders, seen = Counter(), [], set()
    for raw in lines:
        event_id = salvage_event_id(raw)
        fate, order = Fate.REJECTED, None
        try:
            order = parse_line(raw)
            fate = Fate.DUPLICATE if event_id in seen else fate_of(order)
        except RefusedLineError as error:
            fates[error.reason] += 1
        seen.add(event_id)
        fates[fate] += 1
        if order and fate is not Fate.DUPLICATE:
            orders.append(order)
    return fates, orders


def sequences(lines: list[bytes]) -> list[int]:
    return [split_event_id(salvage_event_id(line))[1] for line in lines]


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


@pytest.mark.parametrize("dirt", [0.0, 1.0, 20.0])
def test_the_count_by_fate_is_what_the_contract_reads_back(tmp_path, dirt):
    """Decided on while writing, and equal to parse, fate and dedupe of the written bytes."""
    tally, _ = run(tmp_path, 5_000, dirt=dirt)
    plain = tally.plain()
    fates, _ = read_back(raw_lines(tmp_path))
    expected = {name: count for name, count in plain["fates"].items() if count} | plain["rejected"]
    assert fates == expected
    assert bool(fates[Fate.REJECTED]) == bool(dirt)


def test_a_source_has_no_gap_and_exactly_the_lines_asked_for(default_shop):
    tally, _, lines, _ = default_shop
    numbers = sequences(lines)
    assert len(lines) == 100_000
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(1, tally.last + 1))
    assert len(numbers) - len(set(numbers)) == tally.plain()["fates"]["duplicate"] > 0


@pytest.mark.parametrize("lines", [1, 2, 255, 256, 257, 2_049])
def test_any_number_of_lines_is_written_exactly(tmp_path, lines):
    tally, _ = run(tmp_path, lines)
    assert len(raw_lines(tmp_path)) == tally.lines == lines


def test_orders_are_in_the_order_of_time_and_fill_the_window(orders):
    times = [order.time.timestamp() for order in orders]
    assert times == sorted(times)
    assert END - 10 * WEEK_S <= times[0] < END - 10 * WEEK_S + 6 * 3600
    assert END - 3600 < times[-1] <= END


def test_the_same_seed_and_end_give_the_same_bytes(tmp_path):
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        run(tmp_path / name, seed=seed)
    content = {name: (tmp_path / name / "orders.log").read_bytes() for name in "abc"}
    catalogue = {name: (tmp_path / name / "catalogue.csv").read_bytes() for name in "abc"}
    assert content["a"] == content["b"] != content["c"]
    assert catalogue["a"] == catalogue["b"] != catalogue["c"]


def test_different_shops_never_share_a_source(tmp_path):
    """Their ids would meet in one lake, and one's orders would be the other's duplicates."""
    sources = {
        run(tmp_path / f"{number}", 300, **more)[0].source
        for number, more in enumerate(
            [{}, {"seed": 8}, {"dirt": 0.0}, {"window_s": WEEK_S}, {"customers": 60}, {"items": 120}]
        )
    }
    assert len(sources) == 6


def test_a_later_run_goes_on_with_the_same_shop(tmp_path):
    """The sequence, the clock, the customers and the catalogue; no id and no invoice is used twice."""
    first, _ = run(tmp_path, 2_000)
    later = Opening(tmp_path, end=END + WEEK_S, window_s=10 * WEEK_S, lines=1_000)
    second, _ = run_shop(later, threading.Event())
    lines = raw_lines(tmp_path)
    _, orders = read_back(lines)
    assert second.source == first.source
    assert second.first == first.last + 1
    assert set(sequences(lines)) == set(range(1, second.last + 1))
    times = [order.time for order in orders]
    assert times == sorted(times)
    by_invoice = defaultdict(set)
    for order in orders:
        by_invoice[order.invoice].add((order.customer, order.time))
    assert max(map(len, by_invoice.values())) <= 2  # the second is a customer lost to dirt


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


def test_a_stop_ends_between_two_lines_and_the_count_still_holds(tmp_path):
    stop = threading.Event()
    opening = Opening(tmp_path, end=END, window_s=WEEK_S, lines=10_000)
    tally, _ = run_shop(opening, stop, advance=lambda _: stop.set())
    assert len(raw_lines(tmp_path)) == tally.lines < 10_000


class Clock:
    """Every look at it is a tenth of a second later."""

    def __init__(self) -> None:
        self.now = float(END)

    def __call__(self) -> float:
        self.now += 0.1
        return self.now


def test_real_time_writes_lines_as_they_fall_due_with_the_time_of_the_clock(tmp_path):
    clock, due = Clock(), []
    opening = Opening(tmp_path, end=END, window_s=WEEK_S, lines=500, lines_per_s=100.0)
    tally, _ = run_shop(opening, threading.Event(), due.append, clock)
    _, orders = read_back(raw_lines(tmp_path))
    assert tally.lines == sum(due) == 500
    assert len(due) >= 40  # about a dozen lines each tick, not all at once
    assert END <= orders[0].time.timestamp() <= END + 1
    assert END + 4 <= orders[-1].time.timestamp() <= clock.now


def test_the_command_writes_logs_catalogue_count_and_truth(tmp_path, capsys):
    arguments = f"shop --out {tmp_path}/logs --lines 300 --hours 2 --end 2026-11-20T11:00:00Z --source till-a"
    files = f"--json {tmp_path}/count.json --truth {tmp_path}/truth.json"
    assert main([*arguments.split(), *files.split()]) == 0
    count = json.loads((tmp_path / "count.json").read_text())
    assert count["source"] == "till-a"
    assert count["lines"] == sum(count["fates"].values()) == 300
    assert count["from"] >= "2026-11-20T09:00:00Z"
    assert "wrote 300 lines of till-a" in capsys.readouterr().out
    assert (tmp_path / "logs" / "catalogue.csv").exists()
    assert json.loads((tmp_path / "truth.json").read_text()).keys() >= {"customers", "items", "groups"}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("--seed 2", "belongs to a shop with --seed 1, not 2"),
        ("--source other", "belongs to a shop with --source till-a, not other"),
        ("--end 2026-11-01", "choose an --end after that"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(tmp_path, capsys, wrong, message):
    start = f"shop --out {tmp_path} --lines 300 --end 2026-11-20T11:00:00Z --source till-a".split()
    assert main(start) == 0
    assert main(f"shop --out {tmp_path} --lines 300 {wrong}".split()) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "wrong",
    ["--lines 0", "--lines x", "--rate 0", "--weeks -1", "--hours 1 --weeks 1", "--end tomorrow", "--dirt -1",
     "--dirt 99", "--items 5", "--source a,b", "--rotate day", "--rotate-bytes 5 --rotate hour", "--seed -1"],
)  # fmt: skip
def test_wrong_options_are_refused(tmp_path, capsys, wrong):
    with pytest.raises(SystemExit) as ended:
        main([*f"shop --out {tmp_path}/new".split(), *wrong.split()])
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_one_run_leaves_nothing_behind_for_the_next(tmp_path):
    run(tmp_path / "a", 400)
    run(tmp_path / "between", 700, seed=9)
    run(tmp_path / "b", 400)
    assert (tmp_path / "a" / "orders.log").read_bytes() == (tmp_path / "b" / "orders.log").read_bytes()
