"""The fused selection gives what sorting everything gives."""

import numpy as np
import pytest

from emr_jobs import topk


def select(scores, bias, count):
    """The best items of scores that are not padded yet."""
    best = np.empty((len(scores), count), np.int32)
    wide = np.ascontiguousarray(topk.padded(scores.T, np.float32(0)).T)
    topk.select(wide, topk.padded(bias, topk.BARRED), best)
    return best


def reference(scores, bias, count):
    total = scores + bias
    order = np.argsort(-total, axis=1, kind="stable")[:, :count]
    shown = np.take_along_axis(total, order, 1) > topk.BARRED / 2
    best = np.where(shown, order, topk.NOTHING)
    return np.pad(best, ((0, 0), (0, count - best.shape[1])), constant_values=topk.NOTHING)


@pytest.mark.parametrize(("items", "count"), [(1, 30), (7, 3), (128, 30), (129, 30), (1_000, 20), (4, 5)])
def test_the_best_are_those_of_a_full_sort_ties_included(items, count):
    noise = np.random.default_rng(items)
    scores = np.round(noise.standard_normal((50, items)), 1).astype(np.float32)  # rounded: many are equal
    bias = np.round(noise.standard_normal(items), 1).astype(np.float32)
    assert np.array_equal(select(scores, bias, count), reference(scores, bias, count))


def test_what_was_bought_or_is_barred_is_in_no_list():
    scores = np.arange(12, dtype=np.float32).reshape(2, 6)
    starts, items = np.array([0, 2, 3]), np.array([4, 5, 0], np.int32)
    topk.bar_bought(scores, 0, starts, items)
    bias = np.array([0, 0, 0, topk.BARRED, 0, 0], np.float32)
    assert select(scores, bias, 6).tolist() == [[2, 1, 0, -1, -1, -1], [5, 4, 2, 1, -1, -1]]


def test_a_block_begins_at_its_own_customer():
    scores = np.zeros((1, 3), np.float32)
    topk.add_to_bought(
        scores, 1, np.array([0, 1, 2]), np.array([0, 2], np.int32), np.array([5, 7], np.float32)
    )
    assert scores.tolist() == [[0, 0, 7]]


def test_everyones_best_are_those_they_never_bought():
    noise = np.random.default_rng(5)
    customers, items = (
        noise.standard_normal((300, 8), np.float32),
        noise.standard_normal((250, 8), np.float32),
    )
    bought = noise.random((300, 250)) < 0.1
    bought[7] = True  # nothing is left for this one
    scores = np.where(bought, -np.inf, customers.astype(float) @ items.T)
    starts = np.append(0, np.cumsum(bought.sum(axis=1)))
    lists = topk.unbought(customers, items, starts, np.nonzero(bought)[1].astype(np.int32), 20)
    others = np.arange(300) != 7
    assert np.array_equal(lists[others], np.argsort(-scores, axis=1)[others, :20])
    assert (lists[7] == topk.NOTHING).all()
