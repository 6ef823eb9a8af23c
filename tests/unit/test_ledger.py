"""The two equations hold exactly when no line is lost and none has two fates."""

from contracts.order_line import Fate
from infra.ledger import NO_IDS, accounts, total


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
    assert found.complaint() == "shop: 1 of 5 written lines are not in the lake (yet)"


def test_a_line_without_a_fate_is_said():
    found = account(source("shop", 5, 5, sale=4))
    assert found.complaint() == "shop: 5 lines landed, but the fates add up to 4"


def test_more_lines_than_were_written_is_said():
    found = account(source("shop", 2, 3, sale=3))
    assert found.complaint() == "shop: 1 more lines landed than its sequence says were written"


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
