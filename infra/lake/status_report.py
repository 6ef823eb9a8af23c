"""`cadabra status` as a person reads it, and as a machine does."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from rich.table import Table

from contracts import s3_layout
from contracts.order_line import Fate
from contracts.s3_layout import Version
from infra import console
from infra.console import counted
from infra.lake.arrivals import HOUR, Silence
from infra.lake.ledger import Account, total
from infra.lake.recount import Difference, recount
from infra.lake.status import Status, look
from infra.stack import Stack

SHOWN_SOURCES = 4  # more would not fit a terminal; the total counts them all
SHOWN_SILENCES = 3  # the newest; --json has them all
SHOWN_DIFFERENCES = 20  # --json has them all
Say = Callable[[str], None]


def show(stack: Stack, say: Say, *, recounted: bool = False, as_json: bool = False) -> bool:
    """Print it all; false where something does not add up."""
    with console.waiting("looking"):
        found = look(stack)
        audit = recount() if recounted else None
    if as_json:
        print(json.dumps(plain(found, audit), indent=2, default=datetime.isoformat))
    else:
        if found.accounts:
            console.out.print(ledger_table(found.accounts))
        for line in lines(found, audit):
            say(line)
    return found.healthy and not (audit and audit[1])


def plain(found: Status, audit: tuple[int, list[Difference]] | None) -> dict[str, Any]:
    """The status for machines."""
    told = asdict(found) | {"agrees": found.agrees, "healthy": found.healthy}
    told["accounts"] = [
        asdict(account)
        | {"missing": account.missing, "unaccounted": account.unaccounted, "agrees": account.agrees}
        for account in found.accounts
    ]
    if audit:
        told["recount"] = {"objects": audit[0], "differences": [asdict(each) for each in audit[1]]}
    return told


def ledger_table(found: list[Account]) -> Table:
    """The two equations from top to bottom, a column for each source; the total where there are several."""
    shown = [*found[:SHOWN_SOURCES], total(found)] if len(found) > 1 else found
    names = [account.source for account in shown]
    table = console.table("The ledger", "lines", *names, right=tuple(names))
    table.add_row("landed", *(f"{account.landed:,}" for account in shown))
    for sign, fate in zip("=++++++", Fate, strict=True):
        table.add_row(f" {sign} {fate}", *(f"{account.fates[fate]:,}" for account in shown))
    table.add_section()
    table.add_row(
        "written", *("?" if account.written is None else f"{account.written:,}" for account in shown)
    )
    duplicates = (f"{account.landed - account.fates[Fate.DUPLICATE]:,}" for account in shown)
    table.add_row(" = landed - duplicate", *duplicates)
    table.add_row(" + missing", *(f"{account.missing:,}" for account in shown))
    return table


def verdict(found: list[Account]) -> tuple[bool, list[str]]:
    """Whether both equations hold, and what to say of it."""
    if not found:
        return True, ["nothing has been ingested yet"]
    complaints = [account.complaint() for account in found if not account.agrees]
    if complaints:
        return False, complaints
    landed = sum(account.landed for account in found)
    return True, [f"both equations hold: all {landed:,} landed lines have their fate, none is missing"]


def lines(found: Status, audit: tuple[int, list[Difference]] | None = None) -> Iterator[str]:
    """What to say beneath the ledger: the verdict, what is served, what is going on, what to look at."""
    yield from verdict(found.accounts)[1]
    if audit:
        yield from _audited(*audit)
    if found.newest_order:
        yield f"newest order: {_at(found.newest_order)}, {_spoken(found.now - found.newest_order)} ago"
    yield _live(found)
    if found.live_card:
        yield f"its lists: {found.live_card}"
    if found.open_publication:
        yield found.open_publication
    yield _running(found)
    yield from _waiting(found)
    yield from (f"warning: {text}" for text in _warnings(found))
    if found.dead_letters:
        messages = counted(found.dead_letters, "message")
        yield f"{messages} in the dead-letter queue: parts or a catalogue that publish gave up on"


def _audited(objects: int, differences: list[Difference]) -> Iterator[str]:
    if not differences:
        yield f"recounted: the tables hold what the ledger tells of {counted(objects, 'object')}"
        return
    yield f"recounted: the tables differ from the ledger in {counted(len(differences), 'object')}:"
    yield from (f"  {difference}" for difference in differences[:SHOWN_DIFFERENCES])
    if len(differences) > SHOWN_DIFFERENCES:
        yield f"  and {len(differences) - SHOWN_DIFFERENCES:,} more (--json names them)"


def _live(found: Status) -> str:
    if not found.live_version:
        return "no lists are live yet"
    as_of = Version.parse(found.live_version).as_of
    upto = f"{_at(as_of)} UTC, {_spoken(found.now - as_of)} ago"
    return f"live: {found.live_version}, from orders up to {upto}"


def _running(found: Status) -> str:
    run = found.run
    if run is None:
        return "no retrain is active"
    if run.ended:
        return (
            f"retrain {run.number} has ended without giving its lease back: cluster {run.cluster} is "
            f"{run.state}. The next start clears it away"
        )
    if run.deadline <= found.now:
        late = _spoken(found.now - run.deadline)
        return f"retrain {run.number} is overdue by {late}: the next start ends its cluster {run.cluster}"
    return f"retrain {run.number} is active on cluster {run.cluster or '(starting)'}"


def _waiting(found: Status) -> Iterator[str]:
    """Objects the next run takes by itself are no cause for a warning."""
    untaken = found.untaken
    if untaken.oldest and not untaken.overlooked(found.newest_run):
        yield f"{counted(untaken.count, 'object')} for the next run, the oldest of {_at(untaken.oldest)}"


def _warnings(found: Status) -> Iterator[str]:
    untaken, errors, silence = found.untaken, found.firehose_errors, found.silence
    if untaken.oldest and untaken.overlooked(found.newest_run):
        yield (
            f"{counted(untaken.count, 'object')} that no run has taken; the oldest is of "
            f"{_at(untaken.oldest)}, before what the next run looks at. To take all: "
            f"cadabra retrain --first {untaken.oldest:%Y-%m-%dT%H}"
        )
    if errors.oldest:
        yield (
            f"{counted(errors.count, 'object')} in {s3_layout.FIREHOSE_ERRORS}, the oldest of "
            f"{_at(errors.oldest)}: what Firehose could not deliver as it should"
        )
    if silence:
        yield f"{_silent(silence)}: {', '.join(_range(*each) for each in silence.ranges[-SHOWN_SILENCES:])}"


def _silent(silence: Silence) -> str:
    earlier = len(silence.ranges) - SHOWN_SILENCES
    newest = f" ({counted(earlier, 'earlier time')} not shown)" if earlier > 0 else ""
    return f"no object arrived in {silence.hours:,} of {counted(silence.of, 'hour')}{newest}"


def _range(first: datetime, last: datetime) -> str:
    end = last + HOUR
    return (
        f"{_at(first)} to {end:%H:%M}" if end - first < timedelta(days=1) else f"{_at(first)} to {_at(end)}"
    )


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def _spoken(age: timedelta) -> str:
    minutes = int(age.total_seconds() // 60)
    if minutes < 120:  # noqa: PLR2004 (two hours)
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 2880 else f"{counted(minutes // 1440, 'day')}"  # noqa: PLR2004 (two days)
