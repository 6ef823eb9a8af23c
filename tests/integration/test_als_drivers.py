"""What every driver of ALS gives, on the real Spark: one suite for all three."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from contracts.arguments import LOCAL, MLLIB, SPARK
from emr_jobs.als import local, mllib
from emr_jobs.als import spark as over_spark
from emr_jobs.als.drivers import Trainer
from emr_jobs.als.objective import Objective
from emr_jobs.als.training import Training

# MLlib's ridge counts bought pairs only: this is what all three can make small.
OBJECTIVE = Objective(purchase_weight=2.0, pair_weight=0.7, regularisation=0.01, ridge_pair_weight=0.0)
OURS = replace(OBJECTIVE, ridge_pair_weight=0.7)
EVERY_DRIVER = pytest.mark.parametrize("driver", [LOCAL, SPARK, MLLIB])


def training(ratings, objective=OBJECTIVE, rank=8, iterations=10, seed=0, exact=False):
    noise = np.random.default_rng(seed)
    start = [np.abs(noise.standard_normal((length, rank), np.float32)) for length in ratings.shape]
    start = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in start]
    return Training(ratings, *start, objective, iterations, exact=exact)


def checkerboard():
    """Customers buy the items of their own parity; a quarter of those squares is left out, to be found."""
    same = (np.arange(40)[:, None] + np.arange(30)) % 2 == 0
    shown = same & (np.random.default_rng(1).random(same.shape) >= 0.25)
    return same, sparse.csr_matrix(shown.astype(np.float32))


def scattered():
    """Unlike customers and items; the first customers and the last item bought nothing."""
    dense = np.zeros((200, 120), np.float32)
    noise = np.random.default_rng(3)
    dense[3:, :-1] = (noise.random((197, 119)) < 0.3 * noise.random(119) ** 2) * noise.random((197, 119))
    return sparse.csr_matrix(dense)


@EVERY_DRIVER
def test_the_hidden_squares_of_a_checkerboard_score_above_all_of_the_other_colour(driver, spark):
    same, ratings = checkerboard()
    found = Trainer(driver, spark=spark).train(training(ratings, rank=2, iterations=8))
    scores = found.customers @ found.items.T
    hidden = same & (ratings.toarray() == 0)
    assert scores[hidden].min() > scores[~same].max() + 0.3


@EVERY_DRIVER
def test_customers_are_the_fold_in_of_the_items_where_the_solve_is_exact(driver, spark):
    ratings = scattered()
    found = Trainer(driver, spark=spark).train(training(ratings, iterations=3, exact=True))
    assert np.allclose(local.fold_in(ratings, found.items, OBJECTIVE), found.customers, atol=1e-5)
    assert not found.customers[:3].any()
    assert not found.items[-1].any()


@EVERY_DRIVER
def test_the_last_loss_is_the_objective_of_the_factors(driver, spark):
    ratings = scattered()
    found = Trainer(driver, spark=spark).train(training(ratings, iterations=3))
    assert found.losses[-1] == pytest.approx(OBJECTIVE.loss(ratings, found.customers, found.items), rel=1e-5)
    assert len(found.seconds) == 3


@pytest.mark.parametrize("exact", [True, False])
def test_spark_gives_the_factors_that_one_process_gives(spark, monkeypatch, exact):
    monkeypatch.setattr(over_spark, "BLOCK_PAIRS", 500)
    monkeypatch.setattr(over_spark, "DEAL_BLOCKS", 3)
    ratings = scattered()
    runs = [
        Trainer(name, spark=spark).train(training(ratings, OURS, iterations=3, exact=exact))
        for name in ("local", "spark", "spark")
    ]
    for run in runs[1:]:
        assert np.array_equal(run.customers, runs[0].customers)
        assert np.array_equal(run.items, runs[0].items)
        assert run.losses == pytest.approx(runs[0].losses, rel=1e-12)


def test_another_seed_gives_other_factors_and_nearly_the_same_loss(spark):
    one, other = (
        Trainer("spark", spark=spark).train(training(scattered(), OURS, iterations=5, seed=seed))
        for seed in (0, 1)
    )
    assert not np.array_equal(one.items, other.items)
    assert one.losses[-1] == pytest.approx(other.losses[-1], rel=0.05)


def test_mllib_ends_within_three_percent_of_our_loss(spark):
    ours, theirs = (
        Trainer(name, spark=spark).train(training(scattered(), iterations=12)).losses[-1]
        for name in ("local", "mllib")
    )
    assert theirs == pytest.approx(ours, rel=0.03)


def test_mllib_refuses_an_objective_that_it_lacks(spark):
    with pytest.raises(mllib.ObjectiveRefusedError, match="ridge counts bought pairs only"):
        Trainer("mllib", spark=spark).train(training(scattered(), OURS))


def test_spark_keeps_no_blocks_afterwards(spark):
    kept = set(spark.sparkContext._jsc.getPersistentRDDs())
    Trainer("spark", spark=spark).train(training(scattered(), iterations=1))
    assert set(spark.sparkContext._jsc.getPersistentRDDs()) <= kept


@EVERY_DRIVER
def test_one_customer_and_one_item_are_enough(driver, spark):
    ratings = sparse.csr_matrix(np.ones((1, 1), np.float32))
    found = Trainer(driver, spark=spark).train(training(ratings))
    assert 0.9 < float(found.customers[0] @ found.items[0]) <= 1


@EVERY_DRIVER
def test_a_customer_of_ten_thousand_items_is_solved_like_any_other(driver, spark):
    ratings = sparse.csr_matrix(np.ones((2, 10_000), np.float32))
    found = Trainer(driver, spark=spark).train(training(ratings, iterations=3))
    assert (found.customers @ found.items.T).min() > 0.9


def test_blocks_hold_every_row_once_and_long_rows_whole():
    starts = np.array([0, 0, 0, 5, 6, 100, 101, 103, 103])
    bounds = over_spark.cut(starts, 10)
    assert bounds.tolist() == [0, 5, 8]
    assert over_spark.cut(np.array([0, 0, 3]), 10).tolist() == [0, 2]
    assert over_spark.cut(starts, 1)[[0, -1]].tolist() == [0, 8]
