"""The lists: make them, look one up."""

import argparse
from collections.abc import Callable

from contracts import arguments
from infra.commands.command import Command
from infra.console import say


def _retrain(options: argparse.Namespace) -> None:
    from infra import run, session, stack

    session.enter(options.data, options.target)
    asked = {
        "ingest": _given(first=options.first, last=options.last, rebuild=options.rebuild),
        "retrain": _given(as_of=options.as_of, trainer=options.trainer),
    }
    live = session.step_folder(options.data, options.target)
    try:
        run.run(stack.find(), asked, say, live, wait=options.wait)
    except KeyboardInterrupt:
        say("what was started goes on: `cadabra status` shows it, `cadabra down` ends it")
        raise


def _recommend(options: argparse.Namespace) -> None:
    from infra import session, stack
    from infra.lists import customer, why

    session.enter(options.data, options.target)
    found = stack.find()
    if options.why:
        say(why.explain(found, options.customer, options.list, options.why))
    else:
        customer.show(customer.lookup_at(found.lookup_url), options.customer, options.list, options.n)


def _given(**values: str | None) -> list[str]:
    """The options of a step that the person gave."""
    given = ((f"--{name.replace('_', '-')}", value) for name, value in values.items() if value)
    return [text for pair in given for text in pair]


def _retrain_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--as-of",
        type=_checked(arguments.moment),
        metavar="TIME",
        help="train on what was ordered before, as 2026-11-20T09:00:00Z",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--first",
        type=_checked(arguments.hour),
        metavar="HOUR",
        help="ingest from this arrival hour on, as 2026-11-20T09",
    )
    which.add_argument(
        "--rebuild",
        type=_checked(arguments.days),
        metavar="DAY",
        help="read the raw objects that arrived on this day anew, as 2026-11-20; or `all` of them",
    )
    parser.add_argument(
        "--last", type=_checked(arguments.hour), metavar="HOUR", help="ingest up to this arrival hour"
    )
    parser.add_argument(
        "--trainer",
        choices=arguments.TRAINERS,
        help="who trains: one process, the same over Spark, or Spark's own ALS (auto: by size)",
    )
    parser.add_argument(
        "--wait", action="store_true", help="if a run is active, wait for its end, then start"
    )


def _checked(kind: Callable[[str], object]) -> Callable[[str], str]:
    """The text itself, for the step to read, if it can be read: before a cluster is started for it."""

    def text(given: str) -> str:
        kind(given)
        return given

    return text


def _recommend_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("customer", metavar="CUSTOMER")
    parser.add_argument(
        "--list", choices=("for_you", "discover"), default="for_you", help="which list (for_you)"
    )
    parser.add_argument("-n", type=int, default=10, help="how many items, 1 to 30 (10)")
    parser.add_argument("--why", metavar="CODE", help="only say why this item is in the list, or is not")


COMMANDS = {
    "retrain": Command(_retrain, "start a run as the hourly rule does, and follow it", _retrain_arguments),
    "recommend": Command(_recommend, "one customer's list, from the lookup over HTTP", _recommend_arguments),
}
