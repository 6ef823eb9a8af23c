"""Grows a forest from labelled candidates with LightGBM, and copies its trees into flat arrays.

Half of the trees learn how likely each candidate is to be bought, the others how a customer's candidates are
put in order; their sum ranks better than either. LightGBM is needed here only: a stored forest scores
without it.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from emr_jobs.ranker import forest
from emr_jobs.ranker.examples import Examples
from emr_jobs.ranker.forest import Forest
from emr_jobs.settings import Settings

ODDS, ORDER = "binary", "rank_xendcg"


class GrowerMissingError(RuntimeError):
    """LightGBM cannot be loaded; lists are ranked by the blend."""


def grow(examples: Examples, names: tuple[str, ...], trained: int, settings: Settings, seed: int) -> Forest:
    """The log-odds that a candidate is bought within the days looked ahead, and the order's score."""
    lightgbm, labels = _lightgbm(), examples.bought.astype(np.float32)

    def grown(objective: str) -> Forest:
        data = lightgbm.Dataset(examples.values, labels, group=examples.sizes)
        booster = lightgbm.train(_parameters(objective, settings, seed), data, settings.ranker_trees)
        return flattened(booster.dump_model()["tree_info"], names, trained)

    if not settings.ranker_order_weight:
        return grown(ODDS)
    with ThreadPoolExecutor(2) as pool:  # each half grows on one core
        odds, order = pool.map(grown, (ODDS, ORDER))
    return forest.joined(odds, order, settings.ranker_order_weight)


def _parameters(objective: str, settings: Settings, seed: int) -> dict[str, Any]:
    return {
        "objective": objective,
        "learning_rate": settings.ranker_learning_rate,
        "num_leaves": settings.ranker_leaves,
        "max_depth": settings.ranker_depth,
        "min_data_in_leaf": settings.ranker_leaf_candidates,
        "feature_fraction": settings.ranker_feature_share,
        "bagging_fraction": settings.ranker_row_share,
        "bagging_freq": 1,
        "boost_from_average": False,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": settings.ranker_threads,
        "seed": seed,
        "verbose": -1,
    }


def flattened(trees: list[dict[str, Any]], names: tuple[str, ...], trained: int) -> Forest:
    """The trees of a LightGBM model, breadth first: the two children of a node stand side by side."""
    starts: list[int] = []
    feature: list[int] = []
    threshold: list[float] = []
    left: list[int] = []
    value: list[float] = []
    for tree in trees:
        starts.append(len(feature))
        level = [tree["tree_structure"]]
        end = len(feature) + 1
        while level:
            following = []
            for node in level:
                inner = "split_feature" in node
                feature.append(node["split_feature"] if inner else 0)
                threshold.append(_rounded_down(node["threshold"]) if inner else np.inf)
                left.append(end if inner else len(left))
                value.append(0.0 if inner else node["leaf_value"])
                if inner:
                    following += [node["left_child"], node["right_child"]]
                    end += 2
            level = following
    return Forest(
        names,
        trained,
        np.array(starts, np.int32),
        np.array(feature, np.int32),
        np.array(threshold, np.float32),
        np.array(left, np.int32),
        np.array(value, np.float64),
    )


def _rounded_down(threshold: float) -> float:
    """The largest float32 not above it: a float32 value exceeds both or neither."""
    rounded = np.float32(threshold)
    if float(rounded) > threshold:  # compared as doubles: numpy would round the threshold first
        rounded = np.nextafter(rounded, np.float32(-np.inf))
    return float(rounded)


def _lightgbm() -> Any:
    try:
        import lightgbm
    except (ImportError, OSError) as error:  # OSError: the wheel needs the system's libgomp
        raise GrowerMissingError(
            f"LightGBM cannot be loaded ({error}): install the package lightgbm, and libgomp1 beside it"
        ) from error
    return lightgbm
