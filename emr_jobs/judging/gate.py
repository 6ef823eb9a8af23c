"""Whether a version may go live. A refused one leaves the last lists standing, and its card says why.

Cheap checks each hour; the backtest's intervals on the run that made it, once a day.
"""

from dataclasses import dataclass

from contracts.arguments import LOCAL, MLLIB
from emr_jobs.judging.intake import Intake
from emr_jobs.judging.trial import IN_USE, Lead, Trial
from emr_jobs.settings import Settings

FIRST = "the first model: nothing live to compare it with"
UNTOLD = "not compared with the live version: its card cannot be read, or only studies were live"
BY_LOCAL = f"the {LOCAL} trainer made the lists that the backtest judged, {MLLIB} made these"


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many customers have a list, and how many items are in any of them."""

    customers: int
    items: int


@dataclass(frozen=True, slots=True)
class Inherited:
    """What the card of the version in use tells; what an older one did not hold is None."""

    coverage: Coverage
    settings: Settings | None
    intake: Intake | None
    trial: Trial | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    passed: bool
    reasons: tuple[str, ...]  # why it is refused, or what is special about it


def judge(
    new: Coverage,
    live: Inherited | None,
    settings: Settings,
    intake: Intake | None = None,
    trial: Trial | None = None,
    *,
    first: bool = False,
    driver: str = LOCAL,
) -> Verdict:
    """`live` is what the card of the version in use tells; `first`: there is none; `driver` trained."""
    refused = list(_uncovered(new, live.coverage if live else None, settings))
    marks = [FIRST] if first else [] if live else [UNTOLD]
    if driver == MLLIB:
        marks.append(BY_LOCAL)
    before = live.intake if live else None
    if intake and not first and (wrong := intake.unlike(settings.gate_intake, before)):
        refused.append(wrong)
    if trial:
        worse, excused = _tried(trial, live, settings, first=first)
        refused += worse
        marks += excused
    if refused:
        return Verdict(passed=False, reasons=tuple(refused))
    return Verdict(passed=True, reasons=tuple(marks))


def _uncovered(new: Coverage, live: Coverage | None, settings: Settings) -> list[str]:
    if not new.customers or not new.items:
        return [f"the lists are empty ({new.customers} customers, {new.items} items)"]
    refused = []
    for what in ("customers", "items") if live else ():
        now, before = getattr(new, what), getattr(live, what)
        if now < settings.gate_coverage * before:
            share = f"{settings.gate_coverage:.0%}"
            refused.append(f"{now:,} {what} are covered, fewer than {share} of the live version's {before:,}")
    return refused


def _tried(
    trial: Trial, live: Inherited | None, settings: Settings, *, first: bool
) -> tuple[list[str], list[str]]:
    """What the backtest refuses it for, and what it only marks."""
    judged = min(trial.customers.values(), default=0)
    if judged < settings.gate_customers:
        return [], [f"only {judged} customers to judge by, {settings.gate_customers} would decide"]
    worse = _worse(trial, live, settings)
    if first:
        return [], worse
    if live and (live.settings, live.trial) == (settings, trial):
        return [], [f"{said}, as the live version was in the same backtest" for said in worse]
    return worse, []


def _worse(trial: Trial, live: Inherited | None, settings: Settings) -> list[str]:
    """What it loses to; once these settings are live, what was in use when it was made is no longer."""
    in_use = live is not None and live.settings == settings
    over = [lead for lead in trial.leads if not (in_use and lead.over == IN_USE)]
    return [_said(lead) for lead in over if _loses(lead, settings)]


def _loses(lead: Lead, settings: Settings) -> bool:
    """Its whole interval lies below what the other may be ahead by."""
    return lead.high < (-settings.gate_worse * lead.ndcg if lead.over == IN_USE else 0.0)


def _said(lead: Lead) -> str:
    interval = f"{lead.mean:+.4f} [{lead.low:+.4f}, {lead.high:+.4f}]"
    return f"{lead.list} is worse than {lead.over}: NDCG@20 {interval}"
