"""The deployment: into a target, what it costs there, and down again."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from infra.commands.command import Command
from infra.console import out, say
from infra.problem import ProblemError

if TYPE_CHECKING:
    from infra.cost.volumes import Shop
    from infra.deployment.changes import ChangeSet
    from infra.deployment.destroy import Plan

_ORDERS, _CUSTOMERS = 2_000, 20_000  # a shop of middling size, where nobody says how large theirs is


def _deploy(options: argparse.Namespace) -> None:
    from infra import session
    from infra.deployment import changes, deploy, differences

    target = session.enter(options.data, options.target)

    def approve(planned: "ChangeSet", first: bool) -> None:
        out.print(changes.table(planned))
        if target.emulated:
            return
        if first:
            _show_cost_if_known(options)
        lost = sum(bool(change.loses) for change in planned.changes)
        warning = f" {lost} of them LOSE DATA (red)." if lost else ""
        confirm(options, f"{len(planned.changes)} changes.{warning} Make them? [y/N] ", "y", "changed")

    def consent(what: str) -> None:
        say(what)
        if not target.emulated:
            confirm(options, "Go on? [y/N] ", "y", "changed")

    deploy.deploy(
        target, say, file=options.parameters, approve=approve, consent=consent, verbose=options.verbose
    )
    if options.verbose:
        out.print(differences.shown())


def _destroy(options: argparse.Namespace) -> None:
    from infra import session
    from infra.deployment import destroy

    target = session.enter(options.data, options.target)

    def approve(plan: "Plan") -> None:
        for line in plan.lines():
            say(line)
        if plan.with_data:
            confirm(options, "Type the stack's name to give up its data: ", plan.stack, "removed")
        elif not target.emulated:
            confirm(options, "Take it down? [y/N] ", "y", "removed")

    destroy.destroy(target, say, approve, with_data=options.with_data)


def _cost(options: argparse.Namespace) -> None:
    _show_cost(options, _shop(options), as_json=options.json)


def _show_cost(options: argparse.Namespace, shop: "Shop", *, as_json: bool = False) -> None:
    import json

    from infra.cost import bill, fleet, plans, statement
    from infra.deployment import parameters, template

    wanted = template.read()
    said = parameters.read(options.parameters, wanted) if options.parameters else {}
    lines = bill.of(plans.plans(wanted, said, fleet.read(), shop))
    if as_json:
        print(json.dumps(statement.plain(lines, shop), indent=2))
        return
    out.print(statement.table(lines))
    for line in statement.premises(shop):
        say(line)


def _show_cost_if_known(options: argparse.Namespace) -> None:
    """A machine without a price here is no reason not to deploy."""
    from infra.cost.running import UnpricedError

    try:
        _show_cost(options, _shop(options))
    except UnpricedError as error:
        say(f"what it costs is not known: {error}")


def _shop(options: argparse.Namespace) -> "Shop":
    from infra.cost.volumes import Shop

    return Shop(
        orders_per_day=options.orders_per_day,
        customers=options.customers,
        changed=options.changed,
        run_minutes=options.run_minutes,
        lookups_per_day=options.lookups_per_day,
    )


def confirm(options: argparse.Namespace, question: str, wanted: str, done: str) -> None:
    """Raises ProblemError unless a person answers as wanted, or --yes was given."""
    if options.yes:
        return
    if not sys.stdin.isatty():
        raise ProblemError(f"nothing was {done}: nobody is here to confirm it. Look at it above, add --yes")
    if input(question).strip() != wanted:
        raise ProblemError(f"nothing was {done}")


def _deploy_arguments(parser: argparse.ArgumentParser) -> None:
    _parameters_argument(parser, "a stack that stands keeps what it has")
    parser.add_argument("--yes", action="store_true", help="do not ask; for CI")
    parser.add_argument(
        "--verbose", action="store_true", help="say each resource, and what differs from AWS on an emulator"
    )
    _volume_arguments(parser)


def _destroy_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--with-data", action="store_true", help="the bucket with all orders, lists and models goes too"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")


def _cost_arguments(parser: argparse.ArgumentParser) -> None:
    from infra.cost.prices import REGION

    _parameters_argument(parser, "each has its default")
    _volume_arguments(parser)
    parser.add_argument(
        "--region", choices=[REGION], default=REGION, help="whose prices are known here (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="with each price and where it is from")


def _parameters_argument(parser: argparse.ArgumentParser, without: str) -> None:
    parser.add_argument(
        "--parameters",
        type=Path,
        metavar="FILE",
        help=f"the template's parameters, TOML, as infra/parameters.example.toml; without it {without}",
    )


def _volume_arguments(parser: argparse.ArgumentParser) -> None:
    volumes = parser.add_argument_group("how large the shop is, for its cost")
    volumes.add_argument(
        "--orders-per-day", type=_count, default=_ORDERS, metavar="N", help="invoices (%(default)s)"
    )
    volumes.add_argument("--customers", type=_count, default=_CUSTOMERS, metavar="N", help="(%(default)s)")
    volumes.add_argument(
        "--changed", type=share, default=0.05, metavar="SHARE", help="of the lists, each hour (5%%)"
    )
    volumes.add_argument(
        "--run-minutes", type=_minutes, default=20.0, metavar="M", help="a cluster's life (20)"
    )
    volumes.add_argument("--lookups-per-day", type=_count, metavar="N", help="(20 for each order)")


def _count(text: str) -> int:
    digits = text.replace(",", "").replace("_", "")
    if not digits.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    return int(digits)


def _minutes(text: str) -> float:
    return _within(text, text, 1, 60)


def share(text: str) -> float:
    """5% and 0.05 are the same."""
    if text.endswith("%"):
        return _within(text, text[:-1], 0, 100) / 100
    return _within(text, text, 0, 1)


def _within(text: str, number: str, least: float, most: float) -> float:
    try:
        value = float(number)
    except ValueError:
        value = -1
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not between {least} and {most}")
    return value


COMMANDS = {
    "deploy": Command(_deploy, "all of it into a target; what is right already stays", _deploy_arguments),
    "cost": Command(_cost, "what a month on AWS costs at this order volume, line by line", _cost_arguments),
    "destroy": Command(_destroy, "take it down; the bucket with the orders stays", _destroy_arguments),
}
