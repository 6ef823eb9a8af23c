"""The shop's side: order lines are written and shipped."""

import argparse
from pathlib import Path

from infra.commands.command import Command


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


def _catalogue(options: argparse.Namespace) -> None:
    from infra import session, stack, storefront

    session.enter(options.data, options.target)
    storefront.hand_over(options.file, stack.find().bucket)


def _catalogue_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="catalogue.csv, as the shop writes it")


COMMANDS = {
    "generate": Command(_generate, "let the simulated shop write order lines", passes_on=True),
    "replay": Command(_replay, "write a real order file as the shop would", passes_on=True),
    "backfill": Command(_backfill, "put a real order file into its hours of S3", passes_on=True),
    "ship": Command(_ship, "ship what the shop wrote: agent, Firehose, S3"),
    "catalogue": Command(
        _catalogue, "hand over what the shop sells (`ship` does it too)", _catalogue_arguments
    ),
}
