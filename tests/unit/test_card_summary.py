"""`cadabra status` says of a model card what somebody on call wants to know."""

from dataclasses import asdict

from emr_jobs.judging.gate import Verdict
from emr_jobs.judging.trial import Lead, Trial
from infra.lists import card_summary

LEADS = (
    Lead("for_you", "popularity", 0.126, 0.254, 0.237, 0.27),
    Lead("discover", "popularity", 0.065, 0.059, 0.049, 0.07),
)
JUDGED = {"for_you": 819, "discover": 733}


def card(verdict, trial=None):
    ranking = {"by": "the forest of 1795000000", "customers": 4_276, "ranked": 51}
    return {"gate": asdict(verdict), "ranking": ranking, "trial": trial and asdict(trial)}


def test_a_card_is_one_line():
    ndcg = {"for_you": 0.3804, "discover": 0.1237}
    held = card(Verdict(passed=True, reasons=()), Trial(0, "a forest", JUDGED, ndcg, LEADS))
    assert card_summary.said(held) == (
        "4,276 customers, 51 of them ranked anew by a forest; "
        "NDCG@20 for_you 0.380 (+0.254 over popularity), discover 0.124 (+0.059 over popularity); "
        "passed the gate"
    )


def test_a_refused_version_says_why_and_one_without_a_backtest_that_it_has_none():
    held = card(Verdict(passed=False, reasons=("the lists are empty",)), Trial(0, "", {}, {}))
    assert card_summary.said(held).endswith("no backtest yet; refused by the gate: the lists are empty")


def test_a_card_from_before_rankings_were_noted_is_read():
    assert card_summary.said({"gate": {"passed": True, "reasons": []}}) == "no backtest yet; passed the gate"
