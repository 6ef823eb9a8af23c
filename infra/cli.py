"""The `cadabra` command: arguments in, one function called, a message and an exit code out."""

import argparse
import os
import signal
import sys
from pathlib import Path

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
)

from infra import target as targets
from infra.commands import COMMANDS
from infra.console import err
from infra.problem import ProblemError

_INTERRUPTED = 130  # what a shell says of a program that Ctrl-C ended
_PIPE_CLOSED = 141  # and of one whose reader went away

_EPILOG = """\
the way of the data:
  cadabra up                     start the local AWS and deploy into it
  cadabra generate --lines 100000
  cadabra ship                   agent -> Firehose -> S3
  cadabra retrain                ingest -> train -> publish
  cadabra recommend CUSTOMER     the lookup's answer
  cadabra status                 does every line add up
"""


def main(arguments: list[str] | None = None) -> int:
    options = argparse.Namespace(command="")
    for ending in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(ending) == signal.SIG_DFL:  # nohup's wish stands
            signal.signal(ending, _interrupt)
    try:
        options = _options(arguments)
        result: int | None = options.run(options)
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _PIPE_CLOSED
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


def _interrupt(_number: int, _frame: object) -> None:
    """A closed terminal or a `kill` cleans up as Ctrl-C does."""
    raise KeyboardInterrupt


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if rest and not COMMANDS[options.command].passes_on:
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
    _where(parser, Path(os.environ.get("CADABRA_DATA", ".cadabra")), _target_of_environment())
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        own = commands.add_parser(
            name, help=command.text, description=command.text, add_help=not command.passes_on
        )
        own.set_defaults(run=command.run)
        if not command.passes_on:  # else it is the other program that reads what follows
            _where(own, argparse.SUPPRESS, argparse.SUPPRESS)
        command.declare(own)
    return parser


def _where(parser: argparse.ArgumentParser, data: Path | str, target: str) -> None:
    """Before the command or after it: what is given after it wins."""
    parser.add_argument(
        "--data", type=Path, default=data, help="the folder of all local state (.cadabra, or CADABRA_DATA)"
    )
    parser.add_argument(
        "--target", choices=targets.NAMES, default=target, help="which AWS (embedded, or CADABRA_TARGET)"
    )


def _target_of_environment() -> str:
    name = os.environ.get("CADABRA_TARGET") or targets.EMBEDDED
    if name not in targets.NAMES:
        raise ProblemError(f"CADABRA_TARGET={name} is none of {', '.join(targets.NAMES)}")
    return name


if __name__ == "__main__":
    sys.exit(main())
