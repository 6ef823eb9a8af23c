"""What each `cadabra` command does: its arguments, and the functions it calls. Read by infra/cli.py.

What a command needs is imported when it runs: `cadabra --help` shall not wait for pyiceberg.
"""

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra import target as targets
from infra.console import say
from infra.problem import ProblemError


def _up(options: argparse.Namespace) -> None:
    from infra import session

    session.up(options.data, options.target, options.port, say)


def _down(options: argparse.Namespace) -> None:
    from infra import session

    session.down(options.data, options.target, say)


def _status(options: argparse.Namespace) -> int:
    from infra import session, stack, status

    session.enter(options.data, options.target)
    return 0 if status.show(stack.find(), say) else 1


def _generate(options: argparse.Namespace) -> None:
    from infra import storefront

    storefront.generate(options.data, options.rest)


def _replay(options: argparse.Namespace) -> None:
    from infra import storefront

    storefront.replay(options.data, options.rest)


def _backfill(options: argparse.Namespace) -> None:
    from infra import session, stack, storefront

    if {"-h", "--help"} & set(options.rest):  # asked before anything is up
        storefront.backfill("BUCKET", options.rest)
    else:
        session.enter(options.data, options.target)
        storefront.backfill(stack.find().bucket, options.rest)


def _ship(options: argparse.Namespace) -> None:
    from infra import session, stack, storefront

    session.enter(options.data, options.target)
    storefront.ship(options.data, stack.find())


def _retrain(options: argparse.Namespace) -> None:
    from infra import run, session, stack

    session.enter(options.data, options.target)
    asked = {
        "ingest": _given(first=options.first, last=options.last),
        "retrain": _given(as_of=options.as_of),
    }
    live = session.step_folder(options.data, options.target)
    try:
        run.run(stack.find(), asked, say, live, wait=options.wait)
    except KeyboardInterrupt:
        say("what was started goes on: `cadabra status` shows it, `cadabra down` ends it")
        raise


def _given(**values: str | None) -> list[str]:
    """The options of a step that the person gave."""
    given = ((f"--{name.replace('_', '-')}", value) for name, value in values.items() if value)
    return [text for pair in given for text in pair]


def _recommend(options: argparse.Namespace) -> None:
    from infra import customer, session, stack
    from infra.lookup import Lookup

    session.enter(options.data, options.target)
    lookup = Lookup.at(stack.find().lookup_url)
    customer.show(lookup, options.customer, options.list, options.n)


def _deploy(options: argparse.Namespace) -> None:
    from infra import deploy, session

    deploy.deploy(session.enter(options.data, options.target), say)


def _rebuild(options: argparse.Namespace) -> None:
    from infra import rebuild, session, stack

    session.enter(options.data, options.target)
    rebuild.rebuild(stack.find(), say)


def _demo(options: argparse.Namespace) -> None:
    from infra import demo

    if options.data != Path(os.environ.get("CADABRA_DATA", ".cadabra")) or options.target != targets.EMBEDDED:
        raise ProblemError(
            f"the demo has a folder ({demo.DATA}) and a local AWS of its own: leave --data, --target out"
        )
    demo.play(options.lines, say)


def _up_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--port",
        type=int,
        default=os.environ.get("CADABRA_PORT"),
        help="the port of the local AWS (a free one, kept from then on; or CADABRA_PORT)",
    )


def _retrain_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--as-of", metavar="TIME", help="train on what was ordered before, as 2026-11-20T09:00:00Z"
    )
    parser.add_argument("--first", metavar="HOUR", help="ingest from this arrival hour on, as 2026-11-20T09")
    parser.add_argument("--last", metavar="HOUR", help="ingest up to this arrival hour")
    parser.add_argument(
        "--wait", action="store_true", help="if a run is active, wait for its end, then start"
    )


def _recommend_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("customer", metavar="CUSTOMER")
    parser.add_argument(
        "--list", choices=("for_you", "discover"), default="for_you", help="which list (for_you)"
    )
    parser.add_argument("-n", type=int, default=10, help="how many items, 1 to 30 (10)")


def _demo_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--lines", type=int, default=100_000, help="how many order lines (100000)")


def _no_arguments(_parser: argparse.ArgumentParser) -> None:
    pass


@dataclass(frozen=True)
class Command:
    run: Callable[[argparse.Namespace], int | None]
    text: str
    declare: Callable[[argparse.ArgumentParser], None] = _no_arguments
    passes_on: bool = False  # its arguments, --help among them, are another program's


COMMANDS = {
    "up": Command(_up, "start the local AWS and deploy; what runs already stays", _up_arguments),
    "down": Command(_down, "end what `up` started; the state stays"),
    "status": Command(_status, "does every line add up, what is live, is a run active"),
    "generate": Command(_generate, "let the simulated shop write order lines", passes_on=True),
    "replay": Command(_replay, "write a real order file as the shop would", passes_on=True),
    "backfill": Command(_backfill, "put a real order file into its hours of S3", passes_on=True),
    "ship": Command(_ship, "ship what the shop wrote: agent, Firehose, S3"),
    "retrain": Command(_retrain, "start a run as the hourly rule does, and follow it", _retrain_arguments),
    "recommend": Command(_recommend, "one customer's list, from the lookup over HTTP", _recommend_arguments),
    "deploy": Command(
        _deploy, "artifacts, template and EMR request into a target (`up` does it for embedded)"
    ),
    "rebuild": Command(_rebuild, "all that is not S3, from S3: catalog, publication state, lists"),
    "demo": Command(_demo, "the whole way in one command, in a folder of its own", _demo_arguments),
}
