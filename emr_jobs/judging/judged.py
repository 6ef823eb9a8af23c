"""What a run knows of how good its lists are, and whether they may go live. Used by retrain."""

from dataclasses import dataclass

from emr_jobs.inheritance import Inheritance
from emr_jobs.judging import daily, gate, intake
from emr_jobs.judging.daily import Today
from emr_jobs.judging.gate import Coverage, Verdict
from emr_jobs.judging.intake import Intake
from emr_jobs.learning import Learnt
from emr_jobs.lists import served
from emr_jobs.lists.making import Made
from emr_jobs.orders import Orders
from emr_jobs.settings import Settings
from emr_jobs.shop import Shop


@dataclass(frozen=True, slots=True)
class Judged:
    today: Today
    coverage: Coverage
    intake: Intake
    verdict: Verdict


def judge(
    shop: Shop,
    orders: Orders,
    made: Made,
    learnt: Learnt,
    last: Inheritance,
    settings: Settings,
    seed: int,
) -> Judged:
    now = learnt.fitted.now
    today = daily.today(shop, last.settings, orders, now, settings, seed)
    coverage, arrived = served.coverage(made.rows), intake.intake(orders, now)
    verdict = gate.judge(
        coverage,
        last.card,
        settings,
        arrived,
        today.backtest.trial,
        first=last.version is None,
        driver=learnt.fitted.trainer.driver,
    )
    return Judged(today, coverage, arrived, verdict)
