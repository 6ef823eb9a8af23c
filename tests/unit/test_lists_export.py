"""What differs between two exports: ordered codes or reasons, and keys that came or went."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.lists import Entry, Served, from_plain, to_plain
from contracts.s3_layout import Version
from emr_jobs.lists import export
from emr_jobs.lists.export import Ranked

VERSION = Version.parse("20261120T000000Z-1")

entry = st.builds(Entry, st.sampled_from("ABC"), st.sampled_from(["p", "a", "a2", "bA"]))
lists = st.dictionaries(
    st.sampled_from(export.LIST_NAMES), st.lists(entry, max_size=3).map(tuple), min_size=1
)
shops = st.dictionaries(st.sampled_from([f"customer#{number}" for number in range(5)]), lists)


def table(shop):
    """A shop is key -> list name -> entries."""
    rows = []
    for key, named in shop.items():
        plain = to_plain(Served(key, "", named))
        rows.append(
            {name: value for name, value in plain.items() if name not in ("id", "version")} | {"key": key}
        )
    return pa.Table.from_pylist(rows, schema=export.SCHEMA).sort_by("key")


@settings(deadline=None)  # a busy machine is no failure
@given(shops, shops, st.sets(st.sampled_from([f"customer#{number}" for number in range(7)])))
def test_the_difference_is_exactly_what_a_reader_would_see_and_what_is_in_doubt(new, live, doubtful):
    changed, removed = export.difference(table(new), table(live), doubtful)
    assert set(changed["key"].to_pylist()) == {
        key for key, named in new.items() if key in doubtful or named != live.get(key, {})
    }
    assert removed == sorted((live.keys() | doubtful) - new.keys())


@settings(deadline=None)
@given(shops)
def test_a_part_carries_the_lists_in_the_contracts_form(shop):
    lines = list(export.plain(table(shop), ["customer#gone"], VERSION))
    assert [from_plain(line) for line in lines[:-1]] == [
        Served(key, str(VERSION), named) for key, named in sorted(shop.items())
    ]
    assert lines[-1] == {"id": "customer#gone"}


def test_rows_end_where_a_list_ends():
    codes = np.array([[1, 0, -1], [-1, -1, -1]], np.int32)
    ranked = Ranked(codes, np.array([[0, 1, 0], [0, 0, 0]], np.int32))
    rows = export.table(pa.array(["b", "a"]), {"for_you": ranked}, pa.array(["X", "Y"]), pa.array(["p", "a"]))
    assert rows.select(["key", "for_you", "for_you_why", "together"]).to_pylist() == [
        {"key": "a", "for_you": [], "for_you_why": [], "together": None},
        {"key": "b", "for_you": ["Y", "X"], "for_you_why": ["p", "a"], "together": None},
    ]
