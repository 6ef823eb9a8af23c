"""The forest as flat arrays gives LightGBM's own scores, and no damaged file gets as far as the kernel."""

from dataclasses import replace

import lightgbm
import numpy as np
import pytest

from emr_jobs.ranker import forest, growing
from emr_jobs.ranker.forest import ForestUnreadableError
from tests.damage import damaged

NOISE = np.random.default_rng(1)
NAMES = tuple("abcdef")


def table(rows):
    values = NOISE.normal(size=(rows, len(NAMES))).astype(np.float32)
    values[:, 1] = np.round(values[:, 1], 1)  # ties at the thresholds
    values[:, 2] = NOISE.integers(0, 3, rows)
    return values


@pytest.fixture(scope="module")
def grown():
    """LightGBM's booster and our forest of the same trees."""
    values = table(4_000)
    bought = (values[:, 0] + values[:, 1] * values[:, 2] + NOISE.normal(size=len(values)) > 1).astype(
        np.float32
    )
    parameters = {"objective": "binary", "num_leaves": 31, "max_depth": 7, "verbose": -1, "num_threads": 1}
    booster = lightgbm.train(parameters, lightgbm.Dataset(values, bought), 40)
    return booster, growing.flattened(booster.dump_model()["tree_info"], NAMES, 7)


def test_every_score_is_lightgbms_own(grown):
    booster, ours = grown
    values = table(3_001)  # more than a whole number of the kernel's blocks
    assert np.array_equal(ours.scores(values), booster.predict(values, raw_score=True))


def test_values_on_a_threshold_and_beside_it_go_the_same_way(grown):
    booster, ours = grown
    edges = ours.threshold[np.isfinite(ours.threshold)]
    values = np.repeat(table(1), 3 * len(edges), axis=0)
    for place, feature in enumerate(ours.feature[np.isfinite(ours.threshold)]):
        for step, towards in enumerate((-np.inf, None, np.inf)):
            edge = edges[place] if towards is None else np.nextafter(edges[place], np.float32(towards))
            values[3 * place + step, feature] = edge
    assert np.array_equal(ours.scores(values), booster.predict(values, raw_score=True))


def test_a_tree_of_more_leaves_than_a_number_has_bits_scores_the_same():
    values = table(6_000)
    bought = (np.sin(5 * values[:, 0]) * values[:, 1] > NOISE.normal(size=len(values))).astype(np.float32)
    parameters = {"objective": "binary", "num_leaves": 150, "min_data_in_leaf": 5, "verbose": -1}
    booster = lightgbm.train(parameters, lightgbm.Dataset(values, bought), 4)
    trees = booster.dump_model()["tree_info"]
    assert min(tree["num_leaves"] for tree in trees) > 64
    ours = growing.flattened(trees, NAMES, 0)
    assert np.array_equal(ours.scores(values), booster.predict(values, raw_score=True))


def test_a_tree_that_is_one_leaf_adds_its_value():
    one = growing.flattened([{"tree_structure": {"leaf_value": 0.25}}] * 2, NAMES, 0)
    assert one.scores(table(3)).tolist() == [0.5, 0.5, 0.5]


def test_joined_forests_score_the_sum_with_the_others_weight(grown):
    _, ours = grown
    other = growing.flattened(
        [
            {
                "tree_structure": {"split_feature": 3, "threshold": 0.5, "left_child": {"leaf_value": -1.0}}
                | {"right_child": {"leaf_value": 2.0}}
            }
        ],
        NAMES,
        7,
    )
    values = table(300)
    both = forest.load(forest.dump(forest.joined(ours, other, 0.25)))
    expected = ours.scores(values) + np.where(values[:, 3] > 0.5, 0.5, -0.25)
    assert both.scores(values) == pytest.approx(expected, abs=1e-12)


def test_a_forest_is_read_back_as_it_was_written(grown):
    _, ours = grown
    again = forest.load(forest.dump(ours))
    assert (again.names, again.trained) == (NAMES, 7)
    values = table(100)
    assert np.array_equal(again.scores(values), ours.scores(values))


@pytest.mark.parametrize("raw", [b"", b"no forest", b"PK\x03\x04 cut short"])
def test_what_is_no_forest_is_refused(raw):
    with pytest.raises(ForestUnreadableError, match="no forest can be read"):
        forest.load(raw)


@pytest.mark.parametrize("end", [10, 2_000])
def test_a_file_cut_short_is_refused(grown, end):
    with pytest.raises(ForestUnreadableError):
        forest.load(forest.dump(grown[1])[:-end])


@pytest.mark.parametrize(
    "damage",
    [
        {"left": np.full(1, 99, np.int32)},
        {"feature": np.full(1, len(NAMES), np.int32)},
        {"starts": np.full(1, -1, np.int32)},
        {"value": np.full(1, np.nan)},
        {"threshold": np.zeros(1, np.float32)},  # an inner node without children
        {"value": np.zeros(2)},
        {"left": np.zeros(1, np.int32), "threshold": np.ones(1, np.float32)},  # a circle
    ],
)
def test_nodes_that_lead_out_of_it_are_refused(damage):
    whole = growing.flattened([{"tree_structure": {"leaf_value": 0.25}}], NAMES, 0)
    forest.load(forest.dump(whole))
    with pytest.raises(ForestUnreadableError, match="lead out of it"):
        forest.load(forest.dump(replace(whole, **damage)))


def test_a_flipped_byte_is_noticed_or_harmless(grown):
    written = forest.dump(replace(grown[1], trained=7))
    for raw in damaged(written):
        try:
            held = forest.load(raw)
        except ForestUnreadableError:
            continue
        assert forest.dump(held) == written
