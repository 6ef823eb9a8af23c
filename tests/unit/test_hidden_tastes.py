"""The simulated shop's hidden tastes are found, further than any list could that is the same for everyone.

A fixed list holds an item of a customer's favourite groups, on average over customers, at most as often as
the most loved group is a favourite: each of its items belongs to one group, and no group is more loved.
"""

import json
import subprocess
import sys

import numpy as np
import pytest

from contracts.lists import DISCOVER, FOR_YOU
from emr_jobs.candidates.past import past
from emr_jobs.judging import order_file
from emr_jobs.lists import ranked, served
from emr_jobs.ranker import keeping
from emr_jobs.settings import Settings

SETTINGS = Settings()
SHOWN = 20


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Orders of sixteen weeks as the shop logged them, and its hidden tastes."""
    folder = tmp_path_factory.mktemp("shop")
    truth = folder / "truth.json"
    size = ["--lines", "30000", "--weeks", "16", "--seed", "7"]
    command = [
        sys.executable,
        "-m",
        "log_generator",
        "shop",
        "--out",
        folder / "log",
        "--truth",
        truth,
        *size,
    ]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    orders, _ = order_file.read(next((folder / "log").glob("orders.log*")))
    return orders, json.loads(truth.read_text())


@pytest.fixture(scope="module")
def lists(shop):
    """Both rankers' lists of every buyer."""
    orders, _ = shop
    now = int(orders.seconds.max()) + 1
    then = past(orders, now, SETTINGS, seed=0)
    buyers = served.buyers(then.fitted)
    forest, _ = keeping.train(orders, now, SETTINGS, seed=0)
    return {
        "blend": ranked.by_blend(then.fitted, buyers, SETTINGS, SHOWN),
        "forest": ranked.by_forest(then, forest, buyers, SHOWN),
    }, buyers


def share_of_favourites(best, buyers, shop):
    """How many of each buyer's entries are of their favourite groups."""
    orders, truth = shop
    customers, items = orders.customers.to_pylist(), orders.items.to_pylist()
    found = []
    for row in buyers:
        shown = [truth["items"][items[item]] for item in best[row] if item >= 0]
        loved = truth["customers"][customers[row]]
        found.append(np.mean([group in loved for group in shown]))
    return np.array(found)


def bound(buyers, shop):
    """What no list that is the same for everyone can pass."""
    orders, truth = shop
    names = [orders.customers[int(row)].as_py() for row in buyers]
    return max(np.mean([group in truth["customers"][name] for name in names]) for group in truth["groups"])


@pytest.mark.parametrize("ranker", ["blend", "forest"])
@pytest.mark.parametrize("name", [FOR_YOU, DISCOVER])
def test_lists_know_more_of_each_taste_than_any_list_for_all(shop, lists, ranker, name):
    made, buyers = lists
    shares = share_of_favourites(made[ranker][name], buyers, shop)
    error = shares.std() / np.sqrt(len(shares))
    assert shares.mean() - 4 * error > bound(buyers, shop)


def test_the_bound_holds_for_the_best_list_for_all(shop, lists):
    """Twenty items of the most loved group reach it, and nothing more."""
    orders, truth = shop
    _, buyers = lists
    everyone = truth["customers"].values()
    most_loved = max(truth["groups"], key=lambda group: sum(group in loved for loved in everyone))
    rows = [row for row, code in enumerate(orders.items.to_pylist()) if truth["items"][code] == most_loved]
    fixed = np.tile(np.array(rows[:SHOWN], np.int32), (len(orders.customers), 1))
    assert share_of_favourites(fixed, buyers, shop).mean() <= bound(buyers, shop) + 1e-9
