"""The models of a study in one process: what they learn from ratings whose making is known."""

import io
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from rich.console import Console

from contracts.lists import SHOWN_ENTRIES
from emr_jobs import topk
from emr_jobs.explicit import alone, recommendations, results, scoring, tally
from emr_jobs.explicit.blocks import Block, gathered, turned
from emr_jobs.explicit.cleaning import Account, Scale
from emr_jobs.explicit.crossvalidation import Result, best_ranking, best_rating
from emr_jobs.explicit.factorisation import Factorisation
from emr_jobs.explicit.fitted import Fitted
from emr_jobs.explicit.folds import NOTHING, Folds, TooFewError
from emr_jobs.explicit.popularity import Popularity, by_part
from emr_jobs.explicit.recommendations import Lists, NoListsError
from emr_jobs.explicit.scoring import Score
from emr_jobs.explicit.tally import Judged
from emr_jobs.judging import comparison

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
    return Fitted(*rows, solver.means[fold], np.bincount(kept.columns, minlength=items))


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
    fitted = Fitted(np.zeros((1, 2), np.float32), items, 3.0, np.array([1, 2, 5, 0]))
    rated = block(np.zeros(1, int), np.array([1]), np.array([5.0]), np.zeros(1), 1)
    assert fitted.best(rated, 4).tolist() == [[2, 0, -1, -1]]


UNRATED = block(np.zeros(0, int), np.zeros(0, int), np.zeros(0), np.zeros(0), 1)


def test_equals_stand_by_how_many_rated_them_and_rounding_does_not_part_them():
    items = np.zeros((5, 2), np.float32)
    items[:, 0] = [0, -3e-17, 2e-17, -1e-17, 0]
    fitted = Fitted(np.zeros((1, 2), np.float32), items, 2.0, np.array([1, 70_000, 3, 69_999, 0]))
    assert fitted.best(UNRATED, 5).tolist() == [[1, 3, 2, 0, topk.NOTHING]]


def test_what_many_rated_does_not_stand_before_what_is_better():
    items = np.array([[0.5, 0], [0.5001, 0]], np.float32)
    fitted = Fitted(np.zeros((1, 2), np.float32), items, 3.0, np.array([70_000, 1]))
    assert fitted.best(UNRATED, 2).tolist() == [[1, 0]]


def test_how_often_items_were_rated_leaves_out_what_is_held_out():
    rated = block(np.array([0, 0, 0, 2]), np.arange(4), np.ones(4), np.array([0, 0, 1, 1]), 3)
    found = Popularity(8, {"rated": by_part(rated, 2), "liked": by_part(rated.where(rated.parts > 0), 2)})
    assert found.rated(NOTHING).tolist() == [3, 0, 1]
    assert found.rated(0).tolist() == [1, 0, 1]
    assert found.liked(1).tolist() == [0, 0, 0]
    assert (found.items(NOTHING), found.items(1)) == (2, 1)
    assert found.bits(NOTHING).tolist() == [-np.log2(3 / 8), 3.0, 3.0]  # at least one of the eight users


def test_the_lists_of_whoever_liked_what_was_held_out_are_tallied():
    """Three users; the last liked nothing that was held out, and the first one's list is the second's."""
    scores = np.array([[4.0], [3], [2], [1], [0]], np.float32)
    fitted = Fitted(np.zeros((3, 1), np.float32), scores, 3.0, np.array([1, 1, 1, 0, 1]))
    judged = Judged(0, fitted, Scale(), np.array([1.0, 2, 3, 4, 5]))
    first = block(np.array([0, 0]), np.array([0, 4]), np.array([5.0, 3]), np.array([1, 0]), 1)
    second = block(np.array([0, 0, 1]), np.array([1, 2, 0]), np.array([5.0, 4, 5]), np.array([0, 1, 1]), 2)
    second = Block(1, *(getattr(second, name) for name in ("starts", "columns", "ratings", "parts")))
    rows = pa.Table.from_batches([judged.tally(one) for one in (first, second)])
    (found,) = tally.total(rows).to_pylist()
    assert (found["fold"], found["ratings"], found["users"], found["recall"]) == (0, 2, 1, 1)
    assert (found["entries"], found["bits"]) == (3, 1 + 2 + 5)  # of the items 0, 1 and 4: 2 was rated
    assert found["items"] == 3
    assert found["ndcg"] == pytest.approx(1 / np.log2(3))


def test_items_and_bits_are_those_of_the_order_path():
    """Against the backtest's own sums over the same lists."""
    whole = made(users=40, items=90, each=12).block
    kept, liked = whole.where(whole.parts != 0), whole.where((whole.parts == 0) & (whole.ratings >= 3.875))
    popularity = Popularity(40, {"rated": by_part(turned(whole, 90), 5)})
    fitted = trained(whole, 2, 40, 90)
    rows = pa.Table.from_batches([Judged(0, fitted, Scale(), popularity.bits(0)).tally(whole)])
    score = scoring._score(tally.total(rows).to_pylist()[0], popularity.items(0), rates=True)
    backtest = SimpleNamespace(
        past=SimpleNamespace(
            fitted=SimpleNamespace(bought=SimpleNamespace(item=kept.columns, shape=(40, 90))),
            blend=SimpleNamespace(sold=np.bincount(kept.columns, minlength=90)),
        ),
        lists={"it": {"for_you": fitted.best(kept, SHOWN_ENTRIES)}},
        truths={"for_you": SimpleNamespace(customers=np.unique(liked.rows))},
    )
    wanted = comparison.spread_of(backtest, "it", "for_you")
    assert (score.coverage, score.novelty) == pytest.approx(wanted)
    assert 0 < wanted[0] < 1


def test_lists_that_follow_nothing_say_so():
    items = np.array([[0, 1, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    fitted = Fitted(np.zeros((1, 3), np.float32), items, None, np.ones(3, int))
    liked = block(np.zeros(1, int), np.array([0]), np.array([5.0]), np.zeros(1), 1)
    assert recommendations._because(fitted, liked, np.array([[1, 2, -1]])).tolist() == [[0, -1, -1]]


def lists(users, best):
    names = pa.array(["a", "b"])
    rows = np.array(best, np.int32)
    return Lists(pa.array(users), names, names, rows, np.full_like(rows, -1), np.array([0], np.int32))


def test_whom_the_lookup_refuses_is_left_out_and_named():
    refused = ["anna maria", "_x", "É1", "-5", "a/b"]
    kept, named = recommendations.askable(lists(["7", *refused, "anna"], [[0, 1], *([[1, 0]] * 5), [-1, -1]]))
    assert (kept.users.to_pylist(), kept.best.tolist()) == (["7", "anna"], [[0, 1], [-1, -1]])
    assert named == refused
    assert recommendations.served(kept)[0].num_rows == 2


@pytest.mark.parametrize(("users", "best"), [(["1", "2"], [[-1], [-1]]), (["1", "a b"], [[-1], [0]])])
def test_lists_that_are_all_empty_are_not_served(users, best):
    with pytest.raises(NoListsError, match="what is live stays: of 2 users"):
        recommendations.askable(lists(users, best))


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


def result(model, *scores, seconds=9.0, settings="rank 16"):
    return Result(model, tuple(Score(*score) for score in scores), seconds, settings)


RESULTS = [
    result(
        "biases alone",
        (0.87, 0.67, 0.03, 0.02, 0.02, 2.5),
        (0.86, 0.66, 0.03, 0.02, 0.02, 2.4),
        seconds=1234.0,
    ),
    result("biased factorisation", (0.84, 0.64, 0.09, 0.08, 1.0, 10.1), (0.85, 0.65, 0.08, 0.07, 1.0, 10.3)),
    result("implicit ALS", (None, None, 0.31, 0.29, 0.3, 3.2), (None, None, 0.30, 0.28, 0.3, 3.2)),
]
UNLIKED = [
    result(model, (error, error, None, None, None, None))
    for model, error in (("biases alone", 0.0), ("MLlib ALS", 0.0), ("implicit ALS", None))
]


def test_the_best_at_ratings_and_the_best_at_lists_are_told_apart():
    assert best_rating(RESULTS).model == "biased factorisation"
    assert best_ranking(RESULTS).model == "implicit ALS"


def test_where_nobody_liked_anything_the_lists_are_not_said_to_be_the_best():
    assert best_ranking(UNLIKED).model == "biases alone"
    assert best_ranking([*UNLIKED, RESULTS[2]]).model == "implicit ALS"
    assert results.advice(UNLIKED) == (
        "no model foretells ratings better than the biases alone (RMSE 0.0000); nobody liked what was held "
        "out, so lists are not judged: they are by the biases alone"
    )
    assert results.advice(RESULTS).endswith("lists are made best by the implicit ALS")
    row = next(line for line in results.text(UNLIKED, 5).splitlines() if "MLlib ALS" in line)
    assert row.split()[2:] == ["0.0000", "0.0000", "-", "-", "-", "-", "9"]


def test_the_table_fits_eighty_columns():
    drawn = io.StringIO()
    Console(width=200, file=drawn).print(results.table(RESULTS, 5))
    lines = drawn.getvalue().splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 80
    (row,) = (line for line in lines if "biased factorisation" in line)
    assert row.split()[2:] == ["0.8450", "±0.007", "0.6450", "0.0850", "0.0750", "100%", "10.2", "9"]
    assert all(len(line) <= 80 for line in results.text(RESULTS, 5).splitlines())


def test_the_picture_is_a_png_even_where_nobody_liked_anything():
    assert results.picture(UNLIKED).startswith(b"\x89PNG")
    assert results.picture(RESULTS).startswith(b"\x89PNG")
