"""The `cadabra` command: arguments in, one function called, a message and an exit code out."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from infra import target as targets
from infra.console import err, say
from infra.problem import ProblemError

_INTERRUPTED = 130  # what a shell says of a program that Ctrl-C ended

_EPILOG = """\
the way of the data:
  cadabra up                     start the local AWS and deploy into it
  cadabra generate --lines 100000
  cadabra ship                   agent -> Firehose -> S3
  cadabra retrain                ingest -> train -> publish
  cadabra recommend c00042       the lookup's answer
  cadabra status                 does every line add up
"""


def main(arguments: list[str] | None = None) -> int:
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if rest and options.command != "generate":
        parser.error(f"unknown arguments: {' '.join(rest)}")
    options.rest = rest
    try:
        result: int | None = options.run(options)
    except ProblemError as error:
        err.print(f"cadabra: {error}", markup=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        err.print("cadabra: interrupted", markup=False)
        return _INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    return result or 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cadabra",
        description="A shop's order logs become every customer's recommendations, retrained each hour.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("CADABRA_DATA", ".cadabra")),
        help="the folder of all local state (.cadabra, or CADABRA_DATA)",
    )
    parser.add_argument(
        "--target",
        choices=targets.NAMES,
        default=os.environ.get("CADABRA_TARGET", targets.EMBEDDED),
        help="which AWS (embedded, or CADABRA_TARGET)",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (run, text, declare) in _COMMANDS.items():
        own = commands.add_parser(name, help=text, description=text, add_help=name != "generate")
        own.set_defaults(run=run)
        if declare:
            declare(own)
    return parser


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


def _ship(options: argparse.Namespace) -> None:
    from infra import session, stack, storefront

    session.enter(options.data, options.target)
    storefront.ship(options.data, stack.find())


def _retrain(options: argparse.Namespace) -> None:
    from infra import run, session, stack

    session.enter(options.data, options.target)
    as_of = ["--as-of", options.as_of] if options.as_of else []
    live = session.step_folder(options.data, options.target)
    run.run(stack.find(), {"retrain": as_of}, say, live, wait=options.wait)


def _recommend(options: argparse.Namespace) -> None:
    from infra import customer, session, stack
    from infra.lookup import Lookup

    session.enter(options.data, options.target)
    lookup = Lookup.at(stack.find().lookup_url)
    customer.show(lookup, options.customer, options.list, options.n)


def _rebuild(options: argparse.Namespace) -> None:
    from infra import rebuild, session, stack

    session.enter(options.data, options.target)
    rebuild.rebuild(stack.find(), say)


def _demo(options: argparse.Namespace) -> None:
    from infra import demo

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
    parser.add_argument(
        "--wait", action="store_true", help="if a run is active, wait for its end, then start"
    )


def _recommend_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("customer", metavar="CUSTOMER")
    parser.add_argument(
        "--list", choices=("for_you", "discover"), default="for_you", help="which list (for_you)"
    )
    parser.add_argument("-n", type=int, default=10, help="how many items (10)")


def _demo_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--lines", type=int, default=100_000, help="how many order lines (100000)")


_Declare = Callable[[argparse.ArgumentParser], None] | None
_COMMANDS: dict[str, tuple[Callable[[argparse.Namespace], int | None], str, _Declare]] = {
    "up": (_up, "start the local AWS and deploy; what runs already stays", _up_arguments),
    "down": (_down, "end what `up` started; the state stays", None),
    "status": (_status, "does every line add up, what is live, is a run active", None),
    "generate": (_generate, "let the simulated shop write order lines (its own options: --help)", None),
    "ship": (_ship, "ship what the shop wrote: agent, Firehose, S3", None),
    "retrain": (_retrain, "start a run as the hourly rule does, and follow it", _retrain_arguments),
    "recommend": (_recommend, "one customer's list, from the lookup over HTTP", _recommend_arguments),
    "rebuild": (_rebuild, "all that is not S3, from S3: catalog entries, publication state, lists", None),
    "demo": (_demo, "the whole way in one command, in a folder of its own", _demo_arguments),
}

if __name__ == "__main__":
    sys.exit(main())
