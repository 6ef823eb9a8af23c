"""The models of a study in one process: what they learn from ratings whose making is known."""

import io
from dataclasses import dataclass

import numpy as np
import pytest
from rich.console import Console

from emr_jobs.explicit import alone, results, scoring
from emr_jobs.explicit.blocks import Block, gathered, turned
from emr_jobs.explicit.cleaning import Account, Scale
from emr_jobs.explicit.crossvalidation import Result, best_ranking, best_rating
from emr_jobs.explicit.factorisation import Factorisation
from emr_jobs.explicit.fitted import Fitted
from emr_jobs.explicit.folds import NOTHING, Folds, TooFewError
from emr_jobs.explicit.scoring import Score

NOISE = 0.5


@dataclass
class Made:
    users: np.ndarray
    items: np.ndarray
    block: Block


def block(users, items, ratings, parts, count):
    starts = np.append(0, np.cumsum(np.bincount(users, minlength=count))).astype(np.int64)
    return Block(0, starts, items.astype(np.int32), ratings.astype(np.float32), parts.astype(np.int8))


def made(users=600, items=600, each=350, tastes=4, seed=1):
    """3 + user + item + taste + noise of NOISE; a fifth is in part 0."""
    source = np.random.default_rng(seed)
    sides = [source.standard_normal((length, tastes + 1)) * 0.6 for length in (users, items)]
    user = np.repeat(np.arange(users), each)
    item = np.concatenate([source.choice(items, each, replace=False) for _ in range(users)])
    whole = 3 + sides[0][user, 0] + sides[1][item, 0] + (sides[0][user, 1:] * sides[1][item, 1:]).sum(axis=1)
    ratings = whole + NOISE * source.standard_normal(len(user))
    return Made(user, item, block(user, item, ratings, source.integers(0, 5, len(user)), users))


def trained(whole, rank, users, items, fold=0, sweeps=12):
    kept = whole.where(whole.parts != fold)
    solver = Factorisation({fold: float(kept.ratings.mean())}, rank)
    rows = solver.start(users, items, 0)
    alone.train(solver, whole, turned(whole, items), sweeps, fold, *rows)
    return Fitted(*rows, solver.means[fold])


def rmse(fitted, whole, fold=0):
    held = whole.where(whole.parts == fold)
    errors = fitted.ratings(fitted.users[held.rows], held.columns) - held.ratings
    return float(np.sqrt(np.mean(errors**2)))


def test_ratings_of_known_tastes_are_foretold_within_five_per_cent_of_their_noise():
    whole = made().block
    biases = rmse(trained(whole, 0, 600, 600), whole)
    factorised = rmse(trained(whole, 4, 600, 600), whole)
    assert factorised < 1.05 * NOISE
    assert biases > 1.5 * NOISE


def test_held_out_ratings_are_not_seen():
    whole = made(users=60, items=40, each=20).block
    one = trained(whole, 4, 60, 40)
    whole.ratings[whole.parts == 0] = 1_000.0
    assert np.array_equal(one.users, trained(whole, 4, 60, 40).users)


def test_a_row_is_the_ridge_regression_of_its_ratings():
    """Against numpy's own solve."""
    source = np.random.default_rng(2)
    other = source.standard_normal((9, 3)).astype(np.float32)
    columns, ratings = np.array([0, 4, 7, 8]), np.array([1.0, 5.0, 3.5, 2.0])
    rows = np.zeros((1, 3), np.float32)
    solver = Factorisation({NOTHING: 3.0}, 2)
    solver.solve(block(np.zeros(4, int), columns, ratings, np.zeros(4), 1), 3.0, other, rows)
    known = np.hstack([np.ones((4, 1)), other[columns, 1:]])
    ridge = np.diag([3.0, 8.0 + 4 * 0.03, 8.0 + 4 * 0.03])
    wanted = np.linalg.solve(known.T @ known + ridge, known.T @ (ratings - 3.0 - other[columns, 0]))
    assert rows[0] == pytest.approx(wanted, abs=1e-5)


def test_all_ratings_equal_are_foretold_exactly():
    source = np.random.default_rng(3)
    users, items = np.repeat(np.arange(30), 5), source.integers(0, 20, 150)
    whole = block(users, items, np.full(150, 4.0), source.integers(0, 5, 150), 30)
    assert rmse(trained(whole, 4, 30, 20), whole) == pytest.approx(0.0, abs=1e-4)


def test_a_user_whose_one_rating_is_held_out_is_foretold_the_items_mean():
    users, items = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 1, 1])
    whole = block(users, items, np.array([5.0, 2, 5, 2, 2]), np.array([1, 1, 1, 1, 0]), 3)
    fitted = trained(whole, 2, 3, 2)
    assert not fitted.users[2].any()
    (foretold,) = fitted.ratings(fitted.users[2:], np.array([1]))
    assert foretold == pytest.approx(3.5 + fitted.items[1, 0])
    assert fitted.items[1, 0] < 0


def test_blocks_that_are_gathered_and_turned_hold_the_same_ratings():
    whole = made(users=40, items=30, each=10).block
    halves = [
        block(np.repeat(np.arange(20), 10), whole.columns[some], whole.ratings[some], whole.parts[some], 20)
        for some in (slice(0, 200), slice(200, 400))
    ]
    halves[1] = Block(20, *(getattr(halves[1], name) for name in ("starts", "columns", "ratings", "parts")))
    again = gathered(halves[::-1])
    assert np.array_equal(again.ratings, whole.ratings)
    assert np.array_equal(again.starts, whole.starts)
    by_item = turned(whole, 30)
    pairs = set(zip(whole.rows.tolist(), whole.columns.tolist(), whole.ratings.tolist(), strict=True))
    assert pairs == set(
        zip(by_item.columns.tolist(), by_item.rows.tolist(), by_item.ratings.tolist(), strict=True)
    )


def test_lists_hold_nothing_rated_and_nothing_that_nobody_rated():
    items = np.array([[1.0, 0], [3, 0], [2, 0], [0, 0]], np.float32)
    fitted = Fitted(np.zeros((1, 2), np.float32), items, 3.0)
    rated = block(np.zeros(1, int), np.array([1]), np.array([5.0]), np.zeros(1), 1)
    assert scoring.best(fitted, rated, 4).tolist() == [[2, 0, -1, -1]]


def test_a_part_without_ratings_is_said():
    folds = Folds(parts=5, judged=2)
    folds.check({0: (3, 9.0), 1: (2, 8.0)})
    with pytest.raises(TooFewError, match="3 ratings are too few to be judged in 5 parts"):
        folds.check({0: (3, 9.0)})


def test_liked_is_the_upper_quarter_of_the_scale():
    assert Scale().liked <= 4.0 < Scale().liked + 0.5
    assert Scale(1, 10).liked == 7.75


def test_an_account_says_its_sum_and_whether_it_holds():
    found = Account(10, 7, {"duplicate": 2, "missing": 1})
    assert (str(found), found.adds_up) == ("10 lines = 7 kept + 2 duplicate + 1 missing", True)
    assert not Account(10, 7, {"duplicate": 2}).adds_up


RESULTS = [
    Result(
        "biases alone", (Score(0.87, 0.67, 0.03, 0.02), Score(0.86, 0.66, 0.03, 0.02)), 1234.0, "8 sweeps"
    ),
    Result(
        "biased factorisation", (Score(0.84, 0.64, 0.09, 0.08), Score(0.85, 0.65, 0.08, 0.07)), 9.0, "rank 16"
    ),
    Result("implicit ALS", (Score(None, None, 0.31, 0.29), Score(None, None, 0.30, 0.28)), 9.0, "rank 64"),
]


def test_the_best_at_ratings_and_the_best_at_lists_are_told_apart():
    assert best_rating(RESULTS).model == "biased factorisation"
    assert best_ranking(RESULTS).model == "implicit ALS"


def test_the_table_fits_eighty_columns():
    drawn = io.StringIO()
    Console(width=200, file=drawn).print(results.table(RESULTS, 5))
    lines = drawn.getvalue().splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 80
    (row,) = (line for line in lines if "biased factorisation" in line)
    assert row.split()[2:] == ["0.8450", "±0.007", "0.6450", "0.0850", "0.0750", "9"]
    assert all(len(line) <= 80 for line in results.text(RESULTS, 5).splitlines())


def test_the_picture_is_a_png_even_where_nobody_liked_anything():
    nothing = [Result("biases alone", (Score(0.0, 0.0, None, None),), 1.0, "")]
    assert results.picture(nothing).startswith(b"\x89PNG")
    assert results.picture(RESULTS).startswith(b"\x89PNG")
