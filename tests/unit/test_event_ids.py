"""A column of event ids falls apart into sources and sequences."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emr_jobs.lake.event_ids import by_source

sources = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,12}", fullmatch=True)
numbers = st.integers(1, 10**15 - 1)


def found(ids):
    """By row its source and sequence; a source without sequences gives None."""
    rows = {}
    for source, own, values in by_source(pa.array(ids, pa.string())):
        for place, row in enumerate(own.tolist()):
            assert row not in rows
            rows[row] = (source, int(values[place]) if len(values) else None)
    return [rows[row] for row in range(len(ids))]


@given(st.lists(st.one_of(st.tuples(sources, numbers), st.none()), max_size=40))
def test_every_row_is_in_one_source_with_its_sequence(pairs):
    ids = [f"{pair[0]}-{pair[1]}" if pair else "" for pair in pairs]
    assert found(ids) == [pair or ("", None) for pair in pairs]


def test_a_source_that_begins_like_another_is_not_taken_for_it():
    assert found(["shop-7", "shop-1-5", "shop-8"]) == [("shop", 7), ("shop-1", 5), ("shop", 8)]


@pytest.mark.parametrize("text", ["", "content:0a1b:1", "no number", "shop-"])
def test_what_is_no_id_of_a_source_has_no_source(text):
    assert found([text]) == [("", None)]
