"""The `cadabra` command: arguments in, one function called, a message and an exit code out."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
)

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
    options = argparse.Namespace(command="")
    try:
        options = _options(arguments)
        result: int | None = options.run(options)
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except ProblemError as error:
        err.print(f"cadabra: {error}", markup=False, soft_wrap=True)
        return 1
    except (BotoCoreError, ClientError, OSError) as error:
        err.print(f"cadabra: {options.command}: {_spoken(error)}", markup=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        err.print("cadabra: interrupted", markup=False)
        return _INTERRUPTED
    return result or 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if rest and options.command != "generate":
        parser.error(f"unknown arguments: {' '.join(rest)}")
    options.rest = rest
    return options


def _spoken(error: Exception) -> str:
    """What AWS or the system said, and where to look."""
    if isinstance(error, EndpointConnectionError):
        return f"{error}. Is that AWS up? `cadabra status` tells of the embedded one"
    if isinstance(error, NoRegionError | NoCredentialsError):
        return f"{error} Set AWS_REGION and credentials, or leave out --target aws"
    return f"{type(error).__name__}: {error}"


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
        default=os.environ.get("CADABRA_DATA", ".cadabra"),
        help="the folder of all local state (.cadabra, or CADABRA_DATA)",
    )
    parser.add_argument(
        "--target",
        choices=targets.NAMES,
        default=_target_of_environment(),
        help="which AWS (embedded, or CADABRA_TARGET)",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (run, text, declare) in _COMMANDS.items():
        own = commands.add_parser(name, help=text, description=text, add_help=name != "generate")
        own.set_defaults(run=run)
        if declare:
            declare(own)
    return parser


def _target_of_environment() -> str:
    name = os.environ.get("CADABRA_TARGET") or targets.EMBEDDED
    if name not in targets.NAMES:
        raise ProblemError(f"CADABRA_TARGET={name} is none of {', '.join(targets.NAMES)}")
    return name


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
    asked = {
        "ingest": _given(first=options.first, last=options.last),
        "retrain": _given(as_of=options.as_of),
    }
    live = session.step_folder(options.data, options.target)
    run.run(stack.find(), asked, say, live, wait=options.wait)


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
    "deploy": (
        _deploy,
        "artifacts, template and EMR request into a target (`up` does it for embedded)",
        None,
    ),
    "rebuild": (_rebuild, "all that is not S3, from S3: catalog entries, publication state, lists", None),
    "demo": (_demo, "the whole way in one command, in a folder of its own", _demo_arguments),
}

if __name__ == "__main__":
    sys.exit(main())
