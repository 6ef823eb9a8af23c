"""What the shop shows: which versions there are, putting one live, and going back. None needs a cluster."""

import argparse

from infra.commands.command import Command
from infra.console import say


def _versions(options: argparse.Namespace) -> None:
    from infra import session, stack
    from infra.lists import versions

    session.enter(options.data, options.target)
    versions.show(stack.find(), options.n)


def _publish(options: argparse.Namespace) -> None:
    from contracts.s3_layout import Version
    from infra import session, stack
    from infra.lists import put_live
    from infra.problem import ProblemError

    try:
        version = Version.parse(options.version)
    except ValueError as error:
        raise ProblemError(f"{error}: `cadabra versions` lists those there are") from error
    session.enter(options.data, options.target)
    found = stack.find()
    if not options.anyway:
        put_live.check_gate(found, version)
    put_live.put_live(found, version, full=options.full)


def _rollback(options: argparse.Namespace) -> None:
    from infra import session, stack
    from infra.lists import rollback

    session.enter(options.data, options.target)
    rollback.roll_back(stack.find(), say)


def _versions_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-n", type=int, default=20, metavar="N", help="the newest N (20)")


def _publish_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("version", metavar="VERSION", help="as 20261120T110000Z-1795173509")
    parser.add_argument("--anyway", action="store_true", help="also one that its gate refused")
    parser.add_argument(
        "--full", action="store_true", help="write every item, not only what differs from what is live"
    )


COMMANDS = {
    "versions": Command(_versions, "the versions there are, and which is live", _versions_arguments),
    "publish": Command(_publish, "put a version live; lookups go on meanwhile", _publish_arguments),
    "rollback": Command(_rollback, "go back to the version that was live before"),
}
