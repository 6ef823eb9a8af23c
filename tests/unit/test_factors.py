"""The last model's factors are found by name, and an unreadable file is said to be one."""

import io

import numpy as np
import pyarrow as pa
import pytest

from emr_jobs import factors
from emr_jobs.factors import Factors, FactorsUnreadableError
from emr_jobs.orders import DAY_SECONDS
from tests.damage import damaged

NOW = 1_800_000_000


def names(*texts):
    return pa.array(texts, pa.string())


def model(customers=("ann", "bob"), items=("10001", "10002", "10003")):
    """Factors whose every row is told apart by its number."""
    rows = [
        np.arange(1, len(side) + 1, dtype=np.float32)[:, None] * np.ones(4, np.float32)
        for side in (customers, items)
    ]
    return Factors(NOW, names(*customers), names(*items), *rows)


def begin(customers, items, rank=4, now=NOW):
    return factors.start(model(), names(*customers), names(*items), rank, seed=0, now=now)


def test_a_file_holds_what_was_put_into_it():
    read = factors.load(factors.dump(model(customers=("ann", "bøb"))))
    assert read.made == NOW
    assert read.customers.to_pylist() == ["ann", "bøb"]
    assert read.items.to_pylist() == ["10001", "10002", "10003"]
    assert np.array_equal(read.of_customers, model().of_customers)
    assert np.array_equal(read.of_items, model().of_items)


def test_rows_move_with_their_names_and_new_items_start_at_zero():
    start = begin(("aaa", "ann", "bob"), ("10000", "10001", "10003"))
    assert start.factors.of_customers[1:, 0].tolist() == [1, 2]
    assert start.factors.of_items[:, 0].tolist() == [0, 1, 3]
    assert start.factors.customers.to_pylist() == ["aaa", "ann", "bob"]
    assert (start.known, start.warm, start.nearly_there) == (pytest.approx(2 / 3), True, False)


def test_new_customers_and_those_at_zero_start_small_each_in_a_direction_of_its_own():
    last = model(customers=("ann", "bob", "cid"))
    last.of_customers[1] = 0
    one, same = (
        factors.start(last, names("ann", "bob", "cid", "dee"), last.items, rank=4, seed=0, now=NOW)
        for _ in range(2)
    )
    lengths = np.linalg.norm(one.factors.of_customers, axis=1)
    assert lengths.tolist() == pytest.approx([2, 0.1, 6, 0.1])
    assert not np.allclose(one.factors.of_customers[1], one.factors.of_customers[3])
    assert np.array_equal(one.factors.of_customers, same.factors.of_customers)


@pytest.mark.parametrize(
    ("age", "nearly"), [(-1, False), (0, True), (DAY_SECONDS - 1, True), (DAY_SECONDS, False)]
)
def test_a_start_that_is_a_day_old_or_of_days_to_come_is_not_nearly_there(age, nearly):
    start = begin(("ann", "bob"), ("10001", "10002", "10003"), now=NOW + age)
    assert (start.warm, start.nearly_there, start.factors.made) == (True, nearly, NOW + age)


def test_the_last_models_own_rows_stay_as_they_are():
    last = model()
    start = factors.start(last, last.customers, last.items, rank=4, seed=0, now=NOW)
    start.factors.of_customers[:] = 7
    assert last.of_customers[0, 0] == 1


@pytest.mark.parametrize(
    ("customers", "items", "rank"),
    [(("x", "y", "ann"), ("10001",), 4), (("ann",), ("1", "2", "10001"), 4), (("ann",), ("10001",), 8)],
)
def test_a_model_of_other_names_or_another_rank_is_no_start(customers, items, rank):
    start = begin(customers, items, rank)
    assert (start.known, start.warm) == (0, False)
    cold = factors.cold(names(*customers), names(*items), rank, seed=0, now=NOW)
    assert np.array_equal(start.factors.of_items, cold.of_items)


def test_where_no_more_than_one_in_fifty_is_new_the_start_is_nearly_there():
    fifty = [f"{name}" for name in range(50)]
    for new, nearly in (([], True), (["a"], True), (["a", "b"], False)):
        last = model(customers=fifty[: 50 - len(new)])
        start = factors.start(last, names(*fifty), names("10001"), rank=4, seed=0, now=NOW)
        assert start.nearly_there is nearly


def test_a_cold_start_is_of_unit_length_positive_and_decided_by_the_seed():
    one, same, other = (
        factors.cold(names("ann"), names("10001", "10002"), 64, seed, NOW) for seed in (1, 1, 2)
    )
    assert np.allclose(np.linalg.norm(one.of_items, axis=1), 1)
    assert (one.of_customers >= 0).all()
    assert np.array_equal(one.of_items, same.of_items)
    assert not np.array_equal(one.of_items, other.of_items)


def saved(**changed):
    held = {
        "made": NOW,
        "customers": np.array(["ann"]),
        "items": np.array(["10001"]),
        "of_customers": np.ones((1, 4), np.float32),
        "of_items": np.ones((1, 4), np.float32),
    }
    file = io.BytesIO()
    np.savez(file, **{name: value for name, value in (held | changed).items() if value is not None})
    return file.getvalue()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no factors",
        factors.dump(model())[:-100],
        factors.dump(model())[: len(factors.dump(model())) // 2],
        saved(of_items=None),
        saved(made=None),
        saved(of_items=np.ones((1, 5), np.float32)),
        saved(of_customers=np.ones((2, 4), np.float32)),
        saved(of_customers=np.full((1, 4), np.nan, np.float32)),
        saved(of_items=np.ones((1, 4), np.float64)),
        saved(of_items=np.float32(1)),
    ],
    ids=[
        "empty",
        "text",
        "cut short",
        "half",
        "missing",
        "no time",
        "rank",
        "rows",
        "nan",
        "double",
        "scalar",
    ],
)
def test_an_unreadable_file_is_said_to_be_one(raw):
    with pytest.raises(FactorsUnreadableError):
        factors.load(raw)


def test_a_flipped_byte_is_noticed_or_harmless():
    for raw in damaged(factors.dump(model())):
        try:
            read = factors.load(raw)
        except FactorsUnreadableError:
            continue
        assert factors.dump(read) == factors.dump(model())
