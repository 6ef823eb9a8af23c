"""Ranges of sequences are sets, only shorter."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emr_jobs.lake import sequences

values = st.sets(st.integers(1, 60))


def ranges(members):
    return sequences.of(np.array(sorted(members), np.int64))


def members(found):
    return {value for first, last in found.tolist() for value in range(first, last + 1)}


@given(st.lists(st.integers(1, 60)))
def test_values_in_any_order_and_any_number_are_one_set(found):
    assert members(sequences.of(np.array(found, np.int64))) == set(found)


@given(values)
def test_ranges_are_in_order_with_a_gap_before_each(found):
    flat = ranges(found)
    assert (flat[:, 0] <= flat[:, 1]).all()
    assert (flat[1:, 0] > flat[:-1, 1] + 1).all()


@given(st.lists(values))
def test_a_union_has_the_members_of_all_and_stays_as_short_as_it_can(found):
    every = sequences.union([ranges(one) for one in found])
    assert members(every) == set().union(*found)
    assert np.array_equal(every, ranges(set().union(*found)))


@given(values, values)
def test_intersection_and_difference_are_those_of_sets(one, other):
    assert members(sequences.intersection(ranges(one), ranges(other))) == one & other
    assert members(sequences.difference(ranges(one), ranges(other))) == one - other


@given(values, values)
def test_disjoint_sets_are_known_as_such(one, other):
    assert sequences.disjoint([ranges(one), ranges(other)]) == one.isdisjoint(other)


@given(values, st.lists(st.integers(0, 70), min_size=1))
def test_contains_tells_for_each_value(found, asked):
    answer = sequences.contains(ranges(found), np.array(asked, np.int64))
    assert answer.tolist() == [value in found for value in asked]


@given(values)
def test_the_size_is_the_number_of_members(found):
    assert sequences.size(ranges(found)) == len(found)


def test_a_million_in_order_are_one_pair():
    assert sequences.plain(sequences.of(np.arange(1, 1_000_001))) == [{"first": 1, "last": 1_000_000}]
