"""ALS finds what it provably must, and its loss only falls."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy import sparse

from emr_jobs.als import drivers, local
from emr_jobs.als.drivers import Trainer
from emr_jobs.als.objective import Objective
from emr_jobs.als.training import RatingsRefusedError, Training

OBJECTIVE = Objective(purchase_weight=2.0, pair_weight=0.7, regularisation=0.01, ridge_pair_weight=0.7)
RANK = 8
EVERY_WAY = pytest.mark.parametrize("exact", [True, False])


def checkerboard(rows=40, columns=30, hidden=0.25, seed=1):
    """Customers buy the items of their own parity; a quarter of those squares is left out, to be found."""
    noise = np.random.default_rng(seed)
    same = (np.arange(rows)[:, None] + np.arange(columns)) % 2 == 0
    shown = same & (noise.random(same.shape) >= hidden)
    return same, sparse.csr_matrix(shown.astype(np.float32))


def scattered():
    return sparse.random(60, 40, 0.2, "csr", np.float32, np.random.default_rng(3))


def training(ratings, rank=RANK, objective=OBJECTIVE, iterations=12, **others):
    noise = np.random.default_rng(0)
    start = [np.abs(noise.standard_normal((length, rank), np.float32)) for length in ratings.shape]
    start = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in start]
    return Training(ratings, *start, objective, iterations, **others)


def loss_of(ratings, customers, items, objective):
    """The objective by its definition, pair by pair."""
    dense, scores = ratings.toarray().astype(np.float64), customers.astype(np.float64) @ items.T
    alpha0, weight = objective.pair_weight, objective.purchase_weight * dense
    pairs = np.where(dense > 0, (alpha0 + weight) * (1 - scores) ** 2, alpha0 * scores**2).sum()
    bought, everywhere = dense > 0, objective.ridge_pair_weight
    ridge = ((bought.sum(1) + everywhere * dense.shape[1]) * (customers**2).sum(1)).sum()
    ridge += ((bought.sum(0) + everywhere * dense.shape[0]) * (items**2).sum(1)).sum()
    return pairs + objective.regularisation * ridge


@EVERY_WAY
def test_the_hidden_squares_of_a_checkerboard_score_above_all_of_the_other_colour(exact):
    same, ratings = checkerboard()
    found = local.fit(training(ratings, rank=2, exact=exact))  # two colours: no room to learn holes by heart
    scores = found.customers @ found.items.T
    hidden = same & (ratings.toarray() == 0)
    assert hidden.sum() > 100
    assert scores[hidden].min() > scores[~same].max() + 0.3


@EVERY_WAY
@pytest.mark.parametrize("ridge_pair_weight", [0.7, 0.0])
@pytest.mark.parametrize("iterations", [1, 2, 9])
def test_the_loss_reported_is_the_objective(exact, ridge_pair_weight, iterations):
    _, ratings = checkerboard()
    ratings.data *= 0.1 + np.random.default_rng(2).random(ratings.nnz).astype(np.float32) * 3
    objective = replace(OBJECTIVE, ridge_pair_weight=ridge_pair_weight)
    found = local.fit(training(ratings, objective=objective, iterations=iterations, exact=exact))
    defined = loss_of(ratings, found.customers, found.items, objective)
    assert len(found.losses) == len(found.seconds) == iterations
    assert found.losses[-1] == pytest.approx(defined, rel=1e-5)
    assert objective.loss(ratings, found.customers, found.items) == pytest.approx(defined, rel=1e-5)


@pytest.mark.parametrize(("exact", "tolerance"), [(True, 1e-4), (False, 2e-3)])
def test_each_customers_factors_are_the_least_loss_given_the_items(exact, tolerance):
    """Solved here from the objective's definition, with a dense matrix for each customer."""
    ratings = scattered()
    found = local.fit(training(ratings, iterations=60, exact=exact))
    alpha0, wide = OBJECTIVE.pair_weight, found.items.astype(np.float64)
    for rated, solved in zip(ratings.toarray(), found.customers, strict=True):
        confidence = alpha0 + OBJECTIVE.purchase_weight * rated
        ridge = OBJECTIVE.regularisation * (np.count_nonzero(rated) + alpha0 * len(wide))
        system = (wide.T * confidence) @ wide + ridge * np.eye(RANK)
        best = np.linalg.solve(system, wide.T @ np.where(rated > 0, confidence, 0))
        assert solved == pytest.approx(best, abs=tolerance)


def test_the_loss_of_the_exact_solver_never_rises():
    losses = local.fit(training(scattered(), exact=True)).losses
    assert len(losses) == 12
    assert all(later <= earlier for earlier, later in pairwise(losses))


def test_conjugate_gradients_end_where_the_exact_solver_does():
    losses = [local.fit(training(scattered(), exact=exact)).losses[-1] for exact in (True, False)]
    assert losses[1] == pytest.approx(losses[0], rel=5e-3)


@pytest.mark.parametrize("rank", [1, 3, 7])
def test_a_rank_that_is_no_multiple_of_four_is_solved_as_well(rank):
    """The kernel takes four at once: what is left over counts too."""
    ratings = scattered()
    losses = [
        local.fit(training(ratings, rank, iterations=60, exact=exact)).losses[-1] for exact in (True, False)
    ]
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)


def test_the_same_start_gives_the_same_factors():
    runs = [local.fit(training(scattered())) for _ in range(2)]
    assert np.array_equal(runs[0].customers, runs[1].customers)
    assert np.array_equal(runs[0].items, runs[1].items)
    assert runs[0].losses == runs[1].losses


def test_a_customers_factors_are_the_fold_in_of_their_ratings():
    """The customers' half runs last: where the solve is exact, both ways agree."""
    ratings = scattered()
    found = local.fit(training(ratings, exact=True))
    assert np.allclose(local.fold_in(ratings, found.items, OBJECTIVE), found.customers, atol=1e-6)


def test_a_start_from_where_training_ended_gains_at_once_what_a_cold_one_took_all_for():
    ratings = scattered()
    found = local.fit(training(ratings, iterations=30))
    warm = local.fit(Training(ratings, found.customers.copy(), found.items.copy(), OBJECTIVE, 1))
    assert warm.losses[0] == pytest.approx(found.losses[-1], rel=1e-3)
    assert warm.losses[0] < local.fit(training(ratings, iterations=1)).losses[0]


def test_training_ends_when_an_iteration_gains_too_little():
    _, ratings = checkerboard()
    losses = local.fit(training(ratings, enough_gain=0.01, iterations=100)).losses
    assert 2 <= len(losses) < 30
    assert losses[-2] - losses[-1] < 0.01 * losses[-2] < losses[-3] - losses[-2]


def test_who_bought_nothing_has_no_factors():
    found = local.fit(training(sparse.csr_matrix(np.array([[1, 1, 0], [0, 0, 0]], np.float32))))
    assert not found.customers[1].any()
    assert not found.items[2].any()
    assert found.customers[0].any()


def test_one_customer_and_one_item_are_enough():
    found = local.fit(training(sparse.csr_matrix(np.ones((1, 1), np.float32))))
    assert 0.9 < float(found.customers[0] @ found.items[0]) <= 1


@EVERY_WAY
def test_a_customer_of_ten_thousand_items_is_solved_like_any_other(exact):
    ratings = sparse.csr_matrix(np.ones((2, 10_000), np.float32))
    found = local.fit(training(ratings, exact=exact))
    assert (found.customers @ found.items.T).min() > 0.9


def test_no_purchase_at_all_is_refused():
    with pytest.raises(RatingsRefusedError, match="2 customers, 3 items, and no purchase among them"):
        training(sparse.csr_matrix((2, 3), dtype=np.float32))


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0, 0.0])
def test_a_rating_that_is_no_positive_number_is_refused_and_named(value):
    ratings = sparse.csr_matrix(
        (np.array([1, 1, value, 1], np.float32), [0, 2, 1, 2], [0, 2, 2, 4]), shape=(3, 3)
    )
    with pytest.raises(RatingsRefusedError, match=f"1 of 4 .* {value} of customer row 2, item row 1"):
        training(ratings)


def test_a_start_of_other_rows_is_refused():
    ratings, others = scattered(), np.ones((39, RANK), np.float32)
    with pytest.raises(RatingsRefusedError, match="40 items, but their start is float32 factors of"):
        Training(ratings, np.ones((60, RANK), np.float32), others, OBJECTIVE)


@pytest.mark.parametrize(
    ("pairs", "slots", "memory_bytes", "driver", "reason"),
    [
        (480, 0, 0, "local", "480 pairs fit one process"),  # there is no Spark to go to
        (480, 4, 4 * 8 * 480, "local", "480 pairs fit one process"),
        (480, 4, 4 * 8 * 480 - 4, "spark", "480 pairs need 0.0 GiB, more than 0.0 here"),
        (480, 8, 4 * 8 * 480, "local", "480 pairs fit one process"),  # eight do what two do here
        (480, 64, 4 * 8 * 480, "spark", "Spark's 64 cores outdo the 2 here, at 4 times the work"),
    ],
)
def test_the_trainer_is_chosen_by_size_and_says_why(pairs, slots, memory_bytes, driver, reason):
    assert drivers.by_size(pairs, slots, memory_bytes, cores=2) == (driver, reason)


def test_a_trainer_that_was_asked_for_is_taken_whatever_the_size():
    assert drivers.chosen("mllib", 1, None) == Trainer("mllib", "asked for")
    assert str(drivers.chosen("local", 10**15, None)) == "local trainer (asked for)"


def test_a_trainer_that_lacks_what_it_needs_says_so():
    with pytest.raises(ValueError, match="needs a Spark session"):
        Trainer("spark").train(training(scattered()))
    with pytest.raises(ValueError, match=r"no trainer 'gpu': choose local, spark or mllib"):
        Trainer("gpu").train(training(scattered()))
    assert drivers.chosen("auto", 1, None).train(training(scattered())).losses
