"""The two equations hold exactly when no line is lost and none has two fates; what is lost is named."""

import random

import numpy as np
import pytest

from contracts.order_line import Fate
from infra.lake.ledger import NO_IDS, accounts, gaps, spoken, total


def source(name, last, landed, **fates):
    return {"source": name, "last": last, "landed": landed, **{fate: fates.get(fate, 0) for fate in Fate}}


def account(*sources):
    (found,) = accounts([{"sources": [one]} for one in sources])
    return found


def test_a_source_whose_lines_all_landed_agrees():
    found = account(source("shop", 3, 3, sale=2, fee=1), source("shop", 5, 3, sale=2, duplicate=1))
    assert (found.written, found.landed, found.missing, found.agrees) == (5, 6, 0, True)


def test_a_gap_in_the_sequence_is_a_missing_line():
    found = account(source("shop", 5, 4, sale=4))
    assert (found.missing, found.agrees) == (1, False)
    assert found.complaint() == "shop: 1 of 5 written lines is not in the lake (yet)"


def test_a_line_without_a_fate_is_said():
    found = account(source("shop", 5, 5, sale=4))
    assert found.complaint() == "shop: 5 lines landed, but the fates add up to 4"


def test_more_lines_than_were_written_is_said():
    found = account(source("shop", 2, 3, sale=3))
    assert found.complaint() == "shop: 1 more line landed than its sequence says were written"


def test_lines_without_ids_have_fates_but_no_count_of_what_was_written():
    found = account(source("", 0, 2, rejected=2))
    assert (found.source, found.written, found.missing, found.agrees) == (NO_IDS, None, 0, True)


def test_the_total_of_several_sources_holds_both_equations():
    both = list(
        accounts(
            [
                {"sources": [source("a", 3, 4, sale=3, duplicate=1), source("", 0, 2, rejected=2)]},
                {"sources": [source("b", 2, 2, fee=2)]},
            ]
        )
    )
    summed = total(both)
    assert (summed.landed, summed.written, summed.missing, summed.agrees) == (8, 7, 0, True)


def landed(*ranges, last, **fates):
    """An object's entry for one source, with the sequences that landed in it."""
    there = [{"first": first, "last": end} for first, end in ranges]
    return source("shop", last, sum(fates.values()), **fates) | {"ranges": there}


def test_the_missing_lines_are_named():
    found = account(
        landed((1, 1200), last=1200, sale=1200), landed((1232, 100_000), last=100_000, sale=98_769)
    )
    assert found.gaps == ((1201, 1231),)
    assert found.complaint() == ("shop: 31 of 100,000 written lines are not in the lake (yet): 1,201-1,231")


def test_what_landed_twice_and_out_of_order_is_no_gap():
    found = account(
        landed((5, 9), last=9, sale=5), landed((1, 4), last=4, sale=4), landed(last=9, duplicate=2)
    )
    assert (found.gaps, found.agrees) == ((), True)


def test_a_gap_is_found_though_the_counts_agree():
    """A line that is stored twice hides a lost one from the counts alone."""
    found = account(landed((1, 2), last=2, sale=2), landed((2, 2), (4, 4), last=4, sale=2))
    assert (found.missing, found.agrees) == (0, False)
    assert found.complaint() == (
        "shop: as many lines landed as were written, but 3 did not: others are counted twice"
    )


def test_a_ledger_written_before_it_knew_ranges_names_no_gaps():
    found = account(source("shop", 5, 4, sale=4) | {"ranges": None})
    assert (found.gaps, found.missing) == (None, 1)


def test_many_gaps_are_spoken_in_short():
    assert spoken(((1, 1), (3, 4))) == "1, 3-4"
    assert spoken(tuple((n, n) for n in range(1, 13, 2))) == "1, 3, 5, 7, 9 and 1 more gap"


@pytest.mark.parametrize("seed", range(20))
def test_gaps_are_exactly_the_numbers_in_no_range(seed):
    chance = random.Random(seed)
    ranges = [(first, first + chance.randrange(6)) for first in chance.sample(range(1, 60), 8)]
    upto = max(last for _, last in ranges)
    there = {number for first, last in ranges for number in range(first, last + 1)}
    first, last = np.array(ranges).T
    named = [number for begin, end in gaps(first, last, upto) for number in range(begin, end + 1)]
    assert named == [number for number in range(1, upto + 1) if number not in there]


def test_a_hundred_thousand_objects_add_up():
    """A lake of some years: each object has its own stretch of one of three sources, one line is lost."""
    objects = [
        {"sources": [landed((first, first + 9), last=first + 9, sale=10) | {"source": f"till-{till}"}]}
        for till in range(3)
        for first in range(1, 333_331, 10)
    ]
    objects[-2]["sources"][0] |= {"ranges": [{"first": 333_311, "last": 333_319}], "landed": 9, "sale": 9}
    found = list(accounts(objects))
    assert len(objects) == 99_999
    assert [account.landed for account in found] == [333_330, 333_330, 333_329]
    assert [account.gaps for account in found] == [(), (), ((333_320, 333_320),)]
