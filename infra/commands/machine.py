"""The target itself: start it, end it, rebuild it, and the demo of it all."""

import argparse
import os
from pathlib import Path

from infra import target as targets
from infra.commands.command import Command
from infra.console import say
from infra.problem import ProblemError


def _up(options: argparse.Namespace) -> None:
    from infra import session

    session.up(options.data, options.target, options.port, say)


def _down(options: argparse.Namespace) -> None:
    from infra import session

    session.down(options.data, options.target, say)


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


def _demo_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--lines", type=int, default=100_000, help="how many order lines (100000)")


COMMANDS = {
    "up": Command(_up, "start the local AWS and deploy; what runs already stays", _up_arguments),
    "down": Command(_down, "end what `up` started; the state stays"),
    "rebuild": Command(_rebuild, "all that is not S3, from S3: catalog, publication state, lists"),
    "demo": Command(_demo, "the whole way in one command, in a folder of its own", _demo_arguments),
}
