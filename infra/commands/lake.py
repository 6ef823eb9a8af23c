"""The lake: does every line add up."""

import argparse

from infra.commands.command import Command
from infra.console import say


def _status(options: argparse.Namespace) -> int:
    from infra import session, stack, status

    session.enter(options.data, options.target)
    return 0 if status.show(stack.find(), say) else 1


COMMANDS = {
    "status": Command(_status, "does every line add up, what is live, is a run active"),
}
