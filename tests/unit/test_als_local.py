"""ALS finds what it provably must, and its loss only falls."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy import sparse

from emr_jobs.als import local
from emr_jobs.settings import Settings

SETTINGS = replace(Settings(), rank=8, iterations=12, enough_gain=0.0, pair_weight=0.7)


def checkerboard(rows=40, columns=30, hidden=0.25, seed=1):
    """Customers buy the items of their own parity; a quarter of those squares is left out, to be found."""
    noise = np.random.default_rng(seed)
    same = (np.arange(rows)[:, None] + np.arange(columns)) % 2 == 0
    shown = same & (noise.random(same.shape) >= hidden)
    return same, sparse.csr_matrix(shown.astype(np.float32))


def start(ratings, rank, seed=0):
    noise = np.random.default_rng(seed)
    factors = [np.abs(noise.standard_normal((length, rank), np.float32)) for length in ratings.shape]
    return [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in factors]


def loss_of(ratings, customers, items, settings):
    """The objective by its definition, pair by pair."""
    dense, scores = ratings.toarray().astype(np.float64), customers.astype(np.float64) @ items.T
    alpha0, weight = settings.pair_weight, settings.purchase_weight * dense
    pairs = np.where(dense > 0, (alpha0 + weight) * (1 - scores) ** 2, alpha0 * scores**2).sum()
    bought = dense > 0
    ridge = ((bought.sum(1) + alpha0 * dense.shape[1]) * (customers**2).sum(1)).sum()
    ridge += ((bought.sum(0) + alpha0 * dense.shape[0]) * (items**2).sum(1)).sum()
    return pairs + settings.regularisation * ridge


@pytest.mark.parametrize("exact", [True, False])
def test_the_hidden_squares_of_a_checkerboard_score_above_all_of_the_other_colour(exact):
    same, ratings = checkerboard()
    customers, items = start(ratings, rank=2)  # two colours, two factors: no room to learn the holes by heart
    list(local.train(ratings, customers, items, SETTINGS, exact=exact))
    scores = customers @ items.T
    hidden = same & (ratings.toarray() == 0)
    assert hidden.sum() > 100
    assert scores[hidden].min() > scores[~same].max() + 0.3


@pytest.mark.parametrize("exact", [True, False])
def test_the_loss_reported_is_the_objective(exact):
    _, ratings = checkerboard()
    ratings.data *= np.random.default_rng(2).random(ratings.nnz).astype(np.float32) * 3
    customers, items = start(ratings, SETTINGS.rank)
    for loss in local.train(ratings, customers, items, SETTINGS, exact=exact):
        assert loss == pytest.approx(loss_of(ratings, customers, items, SETTINGS), rel=1e-4)


@pytest.mark.parametrize(("exact", "tolerance"), [(True, 1e-4), (False, 2e-3)])
def test_each_customers_factors_are_the_least_loss_given_the_items(exact, tolerance):
    """Solved here from the objective's definition, with a dense matrix for each customer."""
    ratings = sparse.random(60, 40, 0.2, "csr", np.float32, np.random.default_rng(3))
    customers, items = start(ratings, SETTINGS.rank)
    list(local.train(ratings, customers, items, replace(SETTINGS, iterations=60), exact=exact))
    alpha0, wide = SETTINGS.pair_weight, items.astype(np.float64)
    for rated, solved in zip(ratings.toarray(), customers, strict=True):
        confidence = alpha0 + SETTINGS.purchase_weight * rated
        ridge = SETTINGS.regularisation * (np.count_nonzero(rated) + alpha0 * len(items))
        system = (wide.T * confidence) @ wide + ridge * np.eye(SETTINGS.rank)
        best = np.linalg.solve(system, wide.T @ np.where(rated > 0, confidence, 0))
        assert solved == pytest.approx(best, abs=tolerance)


def test_the_loss_of_the_exact_solver_never_rises():
    noise = np.random.default_rng(3)
    ratings = sparse.random(60, 40, 0.2, "csr", np.float32, noise)
    customers, items = start(ratings, SETTINGS.rank)
    losses = list(local.train(ratings, customers, items, SETTINGS, exact=True))
    assert len(losses) == 12
    assert all(later <= earlier for earlier, later in pairwise(losses))


def test_conjugate_gradients_end_where_the_exact_solver_does():
    ratings = sparse.random(60, 40, 0.2, "csr", np.float32, np.random.default_rng(3))
    losses = []
    for exact in (True, False):
        customers, items = start(ratings, SETTINGS.rank)
        losses.append(list(local.train(ratings, customers, items, SETTINGS, exact=exact))[-1])
    assert losses[1] == pytest.approx(losses[0], rel=5e-3)


def test_the_same_start_gives_the_same_factors():
    _, ratings = checkerboard()
    runs = [start(ratings, SETTINGS.rank) for _ in range(2)]
    for customers, items in runs:
        list(local.train(ratings, customers, items, SETTINGS))
    assert np.array_equal(runs[0][0], runs[1][0])
    assert np.array_equal(runs[0][1], runs[1][1])


def test_a_customers_factors_are_the_fold_in_of_their_ratings():
    """The customers' half runs last: where the solve is exact, both ways agree."""
    ratings = sparse.random(60, 40, 0.2, "csr", np.float32, np.random.default_rng(3))
    customers, items = start(ratings, SETTINGS.rank)
    list(local.train(ratings, customers, items, SETTINGS, exact=True))
    assert np.allclose(local.fold_in(ratings, items, SETTINGS), customers, atol=1e-5)


def test_training_ends_when_an_iteration_gains_too_little():
    _, ratings = checkerboard()
    customers, items = start(ratings, SETTINGS.rank)
    losses = list(local.train(ratings, customers, items, replace(SETTINGS, enough_gain=0.01, iterations=100)))
    assert 2 <= len(losses) < 30
    assert losses[-2] - losses[-1] < 0.01 * losses[-2] < losses[-3] - losses[-2]


def test_who_bought_nothing_has_no_factors():
    ratings = sparse.csr_matrix(np.array([[1, 1], [0, 0]], np.float32))
    customers, items = start(ratings, SETTINGS.rank)
    list(local.train(ratings, customers, items, SETTINGS))
    assert not customers[1].any()
    assert customers[0].any()


def test_one_customer_and_one_item_are_enough():
    ratings = sparse.csr_matrix(np.ones((1, 1), np.float32))
    customers, items = start(ratings, SETTINGS.rank)
    list(local.train(ratings, customers, items, SETTINGS))
    assert 0.9 < float(customers[0] @ items[0]) <= 1


def test_a_customer_of_thousands_of_items_is_solved_like_any_other():
    ratings = sparse.csr_matrix(np.ones((2, 5_000), np.float32))
    customers, items = start(ratings, SETTINGS.rank)
    list(local.train(ratings, customers, items, SETTINGS))
    assert np.isfinite(customers).all()
    assert (customers @ items.T).min() > 0.9
