"""Who trains a run's model is said on its card, and changes no list."""

from dataclasses import replace
from datetime import timedelta

from contracts.lists import customer_key
from emr_jobs.als.drivers import Trainer
from emr_jobs.judging.gate import BY_LOCAL
from tests.publisher import publisher
from tests.retrain_runs import DEFAULTS, NOON, begin, card, go, live_version, served

SHORT = replace(DEFAULTS, iterations=2)  # each half of one is a job of Spark


def test_spark_trains_what_one_process_does_and_the_card_names_who_trained(shop, spark, capsys):
    with publisher(shop):
        go(shop, begin(shop), settings=SHORT, trainer=Trainer("spark", "asked for", spark))
        over_spark = live_version(shop)
        go(shop, replace(begin(shop), as_of=NOON - timedelta(minutes=1)), settings=SHORT)
    assert "; spark trainer (asked for)" in capsys.readouterr().out
    trained = card(shop, over_spark)["training"]
    assert (trained["trainer"], trained["trainer_reason"]) == ("spark", "asked for")
    assert len(trained["losses"]) > 1
    assert card(shop, live_version(shop))["training"]["trainer"] == "local"


def test_mllib_trains_the_objective_that_it_knows_from_a_start_of_its_own(shop, spark, capsys):
    with publisher(shop):
        go(shop, begin(shop), settings=SHORT)
        go(shop, begin(shop), settings=SHORT, trainer=Trainer("mllib", "asked for", spark))
    assert "cold: the mllib trainer has a start of its own" in capsys.readouterr().out
    written = card(shop, live_version(shop))
    assert written["training"]["trainer"] == "mllib"
    assert BY_LOCAL in written["gate"]["reasons"]
    assert served(shop, customer_key("ann"))["discover"][0].code == "10003"
