"""`cadabra status`: does everything add up, what is live and how old, is a run active."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from rich.table import Table

from contracts import lease, publications
from contracts.order_line import Fate
from contracts.publications import State
from contracts.s3_layout import Version
from infra import console, lake
from infra.clients import client
from infra.ledger import Account, accounts, total
from infra.stack import Stack

SHOWN_SOURCES = 4  # more would not fit a terminal; the total counts them all


def read_accounts() -> list[Account]:
    ledger = lake.read("ledger", ("sources",))
    return list(accounts(ledger.to_pylist())) if ledger is not None else []


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


def served(stack: Stack) -> Iterator[str]:
    """What is live, and what is on its way."""
    publication = publications.read(client("dynamodb"), stack.table)
    if publication is None or not publication.live_version:
        yield "no lists are live yet"
    else:
        as_of = Version.parse(publication.live_version).as_of
        age = datetime.now(UTC) - as_of
        upto = f"{as_of:%Y-%m-%d %H:%M} UTC, {_spoken(age)} ago"
        yield f"live: {publication.live_version}, from orders up to {upto}"
    if publication and publication.state == State.OPEN:
        done = f"{len(publication.done)} of {publication.parts} parts are in"
        yield f"publication {publication.number} of {publication.version} is open: {done}"


def active(stack: Stack) -> str:
    held = lease.read(client("dynamodb"), stack.table)
    now = int(time.time())
    if held is None or held.free or held.deadline <= now:
        return "no retrain is active"
    return f"retrain {held.number} is active on cluster {held.cluster or '(starting)'}"


def dead_letters(stack: Stack) -> int:
    answer = client("sqs").get_queue_attributes(
        QueueUrl=stack.publish_dead_letters, AttributeNames=["ApproximateNumberOfMessages"]
    )
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def show(stack: Stack, say: Callable[[str], None]) -> bool:
    """Print it all; false where something does not add up."""
    found = read_accounts()
    if found:
        console.out.print(ledger_table(found))
    agrees, lines = verdict(found)
    for line in [*lines, *served(stack), active(stack)]:
        say(line)
    if undelivered := dead_letters(stack):
        say(f"{undelivered} messages in the dead-letter queue: parts or a catalogue that publish gave up on")
    return agrees and not undelivered


def _spoken(age: timedelta) -> str:
    minutes = int(age.total_seconds() // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"  # noqa: PLR2004 (two hours)
