"""Lists and their reasons on shops so small that the right answer is plain."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from contracts.lists import from_plain
from contracts.s3_layout import Version
from emr_jobs import model, orders
from emr_jobs.judging.gate import Coverage
from emr_jobs.lists import export, ranked, served
from emr_jobs.settings import Settings

NOW = datetime(2026, 11, 20, tzinfo=UTC)
SETTINGS = Settings()
VERSION = Version.parse("20261120T000000Z-1")


def sale(customer, code, invoice, days):
    """A sale so many days before now; a guest's where the customer is empty."""
    return {
        "customer": customer,
        "stock_code": code,
        "invoice": invoice,
        "quantity": 1,
        "time": NOW - timedelta(days=days),
        "unit_price": 1.5,
        "fate": "sale" if customer else "guest",
    }


def fit(*lines, last=None, seed=0, hours=0):
    """What is known so many hours after now."""
    known = orders.from_arrow(pa.Table.from_pylist(list(lines)))
    return known, model.fit(known, orders.epoch(NOW + timedelta(hours=hours)), SETTINGS, seed, last)


def rows_of(fitted):
    """Everyone's lists by the blend: these shops are too young for a forest."""
    buyers = served.buyers(fitted)
    return served.customer_rows(fitted, ranked.by_blend(fitted, buyers, SETTINGS), buyers, SETTINGS)


def customers(*lines):
    """Key -> list name -> [(code, reason), ...]"""
    return entries(rows_of(fit(*lines)[1]))


def items(*lines):
    return entries(served.item_rows(*fit(*lines), SETTINGS))


def entries(rows):
    read = [from_plain(line) for line in export.plain(rows, [], VERSION)]
    return {
        one.key: {
            name: [(entry.code, entry.reason) for entry in listed] for name, listed in one.lists.items()
        }
        for one in read
    }


# Two tastes: a's and b's items. Each of a1..a4 lacks one of the a's items, and so with b.
TASTES = [
    sale(f"{taste}{customer}", f"{1 if taste == 'a' else 2}000{item}", f"{taste}{customer}", 20 + customer)
    for taste in "ab"
    for customer in range(1, 5)
    for item in range(1, 5)
    if item != customer
]


def test_the_item_of_ones_taste_that_was_never_bought_comes_first_in_discover_because_of_what_was():
    lists = customers(*TASTES)
    code, reason = lists["customer#a1"]["discover"][0]
    assert (code, reason[0]) == ("10001", "b")
    assert reason[1:] in {"10002", "10003", "10004"}
    code, reason = lists["customer#b3"]["discover"][0]
    assert (code, reason[0]) == ("20003", "b")


def test_what_was_bought_before_comes_first_in_for_you_and_never_in_discover():
    lists = customers(*TASTES)["customer#a1"]
    assert {code for code, _ in lists["for_you"][:3]} == {"10002", "10003", "10004"}
    assert {reason for _, reason in lists["for_you"][:3]} == {"a"}
    assert not {"10002", "10003", "10004"} & {code for code, _ in lists["discover"]}


def test_a_rhythm_is_the_mean_gap_in_weeks_of_three_purchases_or_more():
    lists = customers(
        *(sale("ann", "10001", f"{day}", day) for day in (0, 13, 29)),  # every fortnight
        *(sale("ann", "10002", f"2-{day}", day) for day in (0, 3, 5)),  # within a week counts as every week
        *(
            sale("ann", "10003", f"3-{part}", 5 + part / 24) for part in (0, 1, 2)
        ),  # thrice on one day is no rhythm
        *(sale("ann", "10004", f"4-{day}", day) for day in (1, 400, 800)),  # more than a year is none either
        *(sale("ann", "10005", f"5-{day}", day) for day in (0, 14)),  # nor is once again
    )
    assert dict(lists["customer#ann"]["for_you"]) == {
        "10001": "a2",
        "10002": "a1",
        "10003": "a",
        "10004": "a",
        "10005": "a",
    }


def test_a_rhythm_that_was_left_off_is_told_as_bought_before():
    lists = customers(
        *(sale("ann", "10001", f"1-{day}", day) for day in (27, 41, 55)),  # each fortnight, not quite two ago
        *(sale("ann", "10002", f"2-{day}", day) for day in (29, 43, 57)),  # more than two
    )
    assert dict(lists["customer#ann"]["for_you"]) == {"10001": "a2", "10002": "a"}


def test_what_only_popularity_put_there_says_so():
    crowd = [sale(f"c{number}", "10009", f"c{number}", 1) for number in range(20)]
    crowd += [sale("c1", "10002", "c1", 1)]  # a little of a's taste
    lists = customers(*TASTES, *crowd)["customer#a1"]
    assert ("10009", "p") in lists["for_you"]
    assert ("10009", "p") in lists["discover"]


def test_one_customer_of_one_item_gets_it_again_and_has_nothing_to_discover():
    assert customers(sale("ann", "10001", "1", 3)) == {
        "customer#ann": {"for_you": [("10001", "a")], "discover": []}
    }


def test_a_customer_of_thousands_of_items_has_full_lists():
    lists = customers(
        *(sale("ann", f"{code}", f"{code % 7}", code % 50) for code in range(10_000, 13_000)),
        *(sale("bob", f"{code}", "b", 2) for code in range(12_990, 13_050)),
    )["customer#ann"]
    assert (len(lists["for_you"]), len(lists["discover"])) == (30, 30)
    assert {int(code) for code, _ in lists["discover"]} <= set(range(13_000, 13_050))


def test_what_only_guests_buy_is_in_no_customers_list_but_has_company():
    baskets = [sale("", code, f"g{number}", number) for number in range(3) for code in ("30001", "30002")]
    lines = [*TASTES, *baskets]
    assert "30001" not in {code for listed in customers(*lines)["customer#a1"].values() for code, _ in listed}
    assert items(*lines)["together#30001"] == {"together": [("30002", "t")]}


def test_together_is_the_share_of_an_items_invoices_with_support():
    lines = [
        *(sale("ann", code, f"{n}", n) for n in range(4) for code in ("10001", "10002")),
        *(sale("ann", "10003", f"{n}", n) for n in range(3)),
        *(sale("ann", "10004", f"{n}", n) for n in range(2)),  # two invoices are no support
    ]
    assert items(*lines)["together#10001"] == {"together": [("10002", "t"), ("10003", "t")]}
    assert items(*lines)["together#10003"] == {"together": [("10001", "t"), ("10002", "t")]}
    assert "together#10004" not in items(*lines)


def test_popular_now_comes_before_popular_once():
    lines = [
        *(sale(f"c{n}", "10001", f"{n}", 100) for n in range(5)),
        *(sale(f"c{n}", "10002", f"n{n}", 1) for n in range(2)),
        sale("c0", "10003", "x", 100),
    ]
    assert items(*lines)["popular"] == {"popular": [("10002", "p"), ("10001", "p"), ("10003", "p")]}


def test_the_same_orders_and_the_same_last_model_give_the_same_rows():
    _, last = fit(*TASTES[:-2])
    tables = [rows_of(fit(*lines, last=last.factors)[1]) for lines in (TASTES, TASTES[::-1])]
    assert tables[0].equals(tables[1])


def test_a_warm_start_knows_customers_and_items_by_name_though_others_came_and_went():
    _, last = fit(*TASTES)
    gone = [line for line in TASTES if line["customer"] not in ("a4", "b1")]
    came = [sale("a0", code, "a0", 1) for code in ("10002", "10003", "19999")]
    _, warm = fit(*gone, *came, last=last.factors)
    cold_losses = fit(*gone, *came)[1].losses
    assert warm.warm
    assert 1 < len(warm.losses) < len(cold_losses)
    assert warm.losses[-1] <= cold_losses[-1] * 1.01


def shoppers(first, end, hours=300, count=12, seed=7):
    """Customers who buy items of their own of eight tastes, the first of them so many hours ago."""
    for customer in range(first, end):
        noise = np.random.default_rng((seed, customer))
        for n, item in enumerate(noise.choice(40, count, replace=False)):
            yield sale(f"c{customer:03}", f"1{customer % 8}0{item:02}", f"{customer}/{n}", (hours - n) / 24)


def test_an_hour_later_one_iteration_ends_no_worse_than_all_of_a_cold_start():
    """In the hour a few old customers and a few new ones ordered."""
    _, last = fit(*shoppers(0, 400))
    now = [*shoppers(0, 400), *shoppers(390, 404, hours=1, count=1, seed=8)]
    _, warm = fit(*now, last=last.factors)
    _, cold = fit(*now)
    assert (len(warm.losses), len(cold.losses) > 3) == (1, True)
    assert warm.losses[-1] <= cold.losses[-1] * (1 + SETTINGS.enough_gain)


def test_after_a_fortnight_training_goes_on_though_every_name_is_known():
    """The ratings of old have faded: one iteration would end above the cold start's loss."""
    lines = [*shoppers(0, 200, hours=900), *shoppers(200, 400, hours=60)]
    _, last = fit(*lines)
    _, warm = fit(*lines, last=last.factors, hours=14 * 24)
    _, cold = fit(*lines, hours=14 * 24)
    assert warm.warm
    assert len(warm.losses) > 1
    assert warm.losses[-1] <= cold.losses[-1] * (1 + SETTINGS.enough_gain)


def test_new_customers_of_nothing_but_new_items_are_learnt_as_well():
    _, last = fit(*shoppers(0, 400))
    came = [
        sale(f"n{n}", f"9900{item}", f"n{n}", 0.1) for n in range(6) for item in range(4) if (n + item) % 3
    ]
    now = [*shoppers(0, 400), *came]
    _, cold = fit(*now)
    losses, warm = [], last.factors
    for _ in range(3):
        _, fitted = fit(*now, last=warm)
        warm = fitted.factors
        losses.append(fitted.losses)
        new = [row for row, name in enumerate(warm.customers.to_pylist()) if name.startswith("n")]
        assert warm.of_customers[new].any(axis=1).all()
    assert [len(each) for each in losses] == [1, 1, 1]
    assert losses[0][0] <= cold.losses[-1] * 1.005  # these alone; the others are where they were
    assert losses[2][0] <= cold.losses[-1]


def test_where_half_of_the_customers_changed_training_goes_on_until_it_gains_no_more():
    _, last = fit(*shoppers(0, 300))
    now = [*shoppers(150, 450)]
    _, warm = fit(*now, last=last.factors)
    _, cold = fit(*now)
    assert warm.warm
    assert 1 < len(warm.losses) <= SETTINGS.iterations
    assert warm.losses[-1] <= cold.losses[-1] * (1 + SETTINGS.enough_gain)


def test_only_returns_leave_no_rows_and_no_coverage():
    back = [line | {"fate": "return", "quantity": -1} for line in TASTES]
    known, fitted = fit(*back)
    rows = rows_of(fitted)
    assert rows.num_rows == 0
    assert served.coverage(rows) == Coverage(0, 0)
    assert served.item_rows(known, fitted, SETTINGS).num_rows == 0


def test_coverage_counts_customers_and_the_different_items_in_their_lists():
    rows = rows_of(fit(*TASTES)[1])
    assert served.coverage(rows) == Coverage(8, 8)


def test_the_factors_of_a_customer_whose_every_item_came_back_are_zero_and_the_list_is_what_is_popular():
    back = [sale("zoe", "10001", "z", 3), sale("zoe", "10001", "Cz", 2) | {"fate": "return", "quantity": -1}]
    _, fitted = fit(*TASTES, *back, *(sale(f"c{n}", "10009", f"c{n}", 1) for n in range(9)))
    assert not np.any(fitted.factors.of_customers[-1])
    lists = entries(rows_of(fitted))["customer#zoe"]
    assert lists["for_you"][0] == lists["discover"][0] == ("10009", "p")
    assert "10001" not in dict(lists["discover"])
