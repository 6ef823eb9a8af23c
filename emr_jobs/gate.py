"""Whether a version may go live. A refused one leaves the last lists standing, and its card says why."""

from dataclasses import dataclass

from emr_jobs.settings import Settings


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many customers have a list, and how many items are in any of them."""

    customers: int
    items: int


@dataclass(frozen=True, slots=True)
class Verdict:
    passed: bool
    reasons: tuple[str, ...]  # why it is refused, or what is special about it


def judge(new: Coverage, live: Coverage | None, settings: Settings) -> Verdict:
    refused = []
    if not new.customers or not new.items:
        refused.append(f"the lists are empty ({new.customers} customers, {new.items} items)")
    elif live:
        for what in ("customers", "items"):
            now, before = getattr(new, what), getattr(live, what)
            if now < settings.gate_coverage * before:
                share = f"{settings.gate_coverage:.0%}"
                refused.append(
                    f"{now:,} {what} are covered, fewer than {share} of the live version's {before:,}"
                )
    if refused:
        return Verdict(passed=False, reasons=tuple(refused))
    return Verdict(passed=True, reasons=() if live else ("the first model: nothing live to compare it with",))
