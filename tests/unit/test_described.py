"""Items that too few bought with anything get companions by their names, from what the shop sells."""

from decimal import Decimal

import numpy as np
import pytest

from contracts.catalogue import CatalogueItem
from contracts.lists import Reason
from emr_jobs.lists import assortment, served
from emr_jobs.lists.described import described
from emr_jobs.wording import words
from tests.unit.test_lists_model import SETTINGS, entries, fit, sale

NAMES = {
    "10001": "Red hanging heart lantern",
    "10002": "Blue hanging heart lantern",
    "10003": "Lanterns, small",
    "10004": "Red toadstool cake tin",
    "10005": "Cake stand, three tiers",
    "10006": "Garden gloves",
}


def goods(named=NAMES, sold_out=()):
    return [CatalogueItem(code, name, Decimal(1), code not in sold_out) for code, name in named.items()]


def companions(lines, named=NAMES, sold_out=()):
    """Code -> [(code, reason), ...]"""
    catalogue = assortment.catalogue(goods(named, sold_out))
    rows = entries(served.item_rows(*fit(*lines), SETTINGS, catalogue))
    return {key.partition("#")[2]: lists["together"] for key, lists in rows.items() if "together" in lists}


# 10001 and 10006 share three invoices; 10004 was bought once, alone.
BOUGHT = [sale("ann", code, f"{n}", n) for n in (1, 2, 3) for code in ("10001", "10006")]
BOUGHT += [sale("bob", "10004", "4", 4)]


def test_what_nobody_bought_has_the_companions_that_a_reader_would_name():
    lists = companions(BOUGHT)
    assert lists["10002"] == [("10001", "s"), ("10003", "s")]
    assert lists["10005"] == [("10004", "s")]
    assert [code for code, _ in lists["10003"]] == ["10001", "10002"]


def test_what_was_bought_together_comes_first_and_is_not_named_twice():
    listed = companions(BOUGHT)["10001"]
    assert listed[:2] == [("10006", "t"), ("10002", "s")]
    assert set(listed[2:]) == {("10003", "s"), ("10004", "s")}
    as_gloves = NAMES | {"10006": "Red hanging heart gloves"}
    listed = companions(BOUGHT, as_gloves)["10001"]
    assert listed[0] == ("10006", "t")
    assert [code for code, _ in listed].count("10006") == 1


def test_of_two_that_are_equally_alike_the_one_that_sells_comes_first():
    named = {"10001": "lantern", "10002": "lantern", "10003": "lantern"}
    assert [code for code, _ in companions([sale("ann", "10003", "1", 1)], named)["10001"]] == [
        "10003",
        "10002",
    ]


def test_what_is_not_for_sale_has_companions_and_is_none():
    lists = companions(BOUGHT, sold_out=("10001",))
    assert "10001" not in {code for code, reason in lists["10002"] if reason == "s"}
    assert ("10002", "s") in lists["10001"]


def test_the_letter_variants_of_one_code_do_not_fill_a_list():
    plates = {f"20000{letter}": f"Plate, {letter} lantern" for letter in "ABCDE"}
    listed = companions(BOUGHT, NAMES | plates)["10003"]
    assert sum(code.startswith("20000") for code, _ in listed) == 2
    assert {"10001", "10002"} < {code for code, _ in listed}


def test_without_a_name_or_a_word_in_common_there_is_no_list():
    lists = companions(BOUGHT, {"10001": "", "10002": "!", "10004": "gloves", "30001": "mug"})
    assert set(lists) == {"10001", "10006"}  # bought together


@pytest.mark.parametrize(
    ("name", "expected"),
    [("SET OF 3  T-Lights", {"set", "of", "light"}), ("Große Tassen", {"grosse", "tassen"}), ("é 1", set())],
)
def test_words_are_of_two_letters_or_more_and_one_in_plural_and_singular(name, expected):
    assert words(name) == expected


def test_a_word_that_few_names_have_counts_for_more():
    names = ["red lantern", "red mug", "zinc lantern", *(f"red thing{n}" for n in range(20))]
    row = described(names, np.array([0], np.int32), np.ones(len(names), np.float32), 2)[0]
    assert row.tolist() == [2, 1]


def test_items_beyond_a_block_find_each_other():
    names = [f"pair{n // 2} thing" for n in range(600)]
    best = described(names, np.arange(600, dtype=np.int32), np.ones(600, np.float32), 1)
    assert best[:, 0].tolist() == [n ^ 1 for n in range(600)]


def test_the_reason_says_so():
    assert Reason.parse("s").sentence({}) == "described alike"
