"""`make demo`: the whole way on the embedded target, from an empty folder to one customer's list."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from contracts.lists import CUSTOMER_LISTS
from infra import run, session, storefront
from infra.console import out
from infra.lake import status, status_report, tables
from infra.lists import customer
from infra.lists.lookup_client import Lookup
from infra.local import stack as local
from infra.problem import ProblemError
from infra.target import EMBEDDED

DATA = Path(".cadabra", "demo")
WEEKS = 10
SHOWN = 8
Say = Callable[[str], None]


def play(lines: int, say: Say, data: Path = DATA) -> None:
    """Exit code 0 means: the customer's list came over HTTP, and the ledger adds up."""
    stages: list[tuple[str, float]] = []

    @contextmanager
    def stage(title: str) -> Iterator[None]:
        out.rule(title, align="left", style="dim")
        began = time.monotonic()
        yield
        stages.append((title, time.monotonic() - began))

    local.stop(data)
    shutil.rmtree(data, ignore_errors=True)
    try:
        with stage("a local AWS, and everything deployed into it"):
            stack = session.up(data, EMBEDDED, None, say)
        with stage(f"the shop writes {lines:,} order lines over {WEEKS} weeks"):
            storefront.generate(data, ["--lines", str(lines), "--weeks", str(WEEKS)])
        with stage("the agent ships them through Firehose into S3"):
            storefront.ship(data, stack)
        with stage("an EMR run: ingest, train, publish"):
            # The hourly rule may have begun a run meanwhile; the demo wants one that has seen every line.
            run.run(stack, {}, say, session.step_folder(data, EMBEDDED), wait=True)
        with stage("one customer"):
            show_customer(customer.lookup_at(stack.lookup_url))
        with stage("every line accounted for"):
            found = status.read_accounts()
            out.print(status_report.ledger_table(found))
            agrees, verdict = status_report.verdict(found)
            for line in verdict:
                say(line)
    finally:
        local.stop(data)
    total = sum(seconds for _, seconds in stages)
    out.rule(align="left", style="dim")
    for title, seconds in stages:
        say(f"{seconds:6.1f} s  {title}")
    say(f"{total:6.1f} s  the whole way; to look around in it:")
    say(f".venv/bin/cadabra --data {data} up")
    if not agrees:
        raise ProblemError("the ledger does not add up: see above")


def show_customer(lookup: Lookup) -> None:
    orders = tables.read("orders", ("customer", "invoice"))
    if orders is None:
        raise ProblemError("no orders are in the lake")
    someone = customer.worth_showing(orders)
    out.print(customer.bought(someone, SHOWN))
    for name in CUSTOMER_LISTS:
        out.print(customer.recommended(customer.ask(lookup, someone, name, SHOWN), SHOWN))
