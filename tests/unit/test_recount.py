"""The recount names exactly the objects of which the ledger tells other than what the tables hold."""

from collections import Counter, defaultdict

import pyarrow as pa

from infra.lake.recount import STORED, Difference, add, differences


def told(key, **fates):
    return {"object": key, **{fate.value: fates.get(fate, 0) for fate in STORED}}


def test_what_agrees_is_not_named():
    assert (
        list(differences([told("a", sale=2, rejected=1), told("b")], {"a": {"sale": 2, "rejected": 1}})) == []
    )


def test_an_object_with_lost_and_added_lines_is_named_with_both():
    (found,) = differences(
        [told("a", sale=3), told("b", sale=1)], {"a": {"sale": 2, "fee": 1}, "b": {"sale": 1}}
    )
    assert found == Difference("a", {"sale": 3, "fee": 0}, {"sale": 2, "fee": 1})
    assert str(found) == "a: told 3 sale, found 2; told 0 fee, found 1"


def test_lines_of_an_object_the_ledger_lacks_are_named():
    (found,) = differences([told("a", sale=1)], {"a": {"sale": 1}, "b": {"guest": 2}})
    assert str(found) == "b: the ledger does not have it, the tables hold 2 guest"


def test_lines_are_counted_batch_by_batch():
    counts = defaultdict(Counter)
    for fates in (["sale", "sale", "fee"], ["sale"]):
        add(counts, pa.table({"object": ["a"] * len(fates), "fate": fates}))
    assert counts == {"a": {"sale": 3, "fee": 1}}
