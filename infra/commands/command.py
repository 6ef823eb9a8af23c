"""What a command is to the `cadabra` command line."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass


def _no_arguments(_parser: argparse.ArgumentParser) -> None:
    pass


@dataclass(frozen=True)
class Command:
    run: Callable[[argparse.Namespace], int | None]
    text: str
    declare: Callable[[argparse.ArgumentParser], None] = _no_arguments
    passes_on: bool = False  # its arguments, --help among them, are another program's
