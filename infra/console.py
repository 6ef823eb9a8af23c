"""What a person sees: lines on stdout, progress on stderr where it is a terminal, tables in between."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

err = Console(stderr=True, highlight=False)
# On a terminal both are the same place, and only the console of a spinner can print without tearing it.
_one_terminal = sys.stdout.isatty() and err.is_terminal
out = err if _one_terminal else Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def say(text: str) -> None:
    out.print(text, markup=False)


def counted(count: int, noun: str) -> str:
    """A number and what it counts: 1 object, 2 objects."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


@contextmanager
def waiting(what: str) -> Iterator[Progress]:
    """A spinner with the time it takes; nothing at all where stderr is no terminal."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        progress.add_task(what, total=None)
        yield progress


@contextmanager
def counting(what: str, total: int) -> Iterator[Progress]:
    """A bar with counts."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        progress.add_task(what, total=total)
        yield progress


def table(title: str | None, *columns: str, right: tuple[str, ...] = ()) -> Table:
    """A table; the columns named in `right` hold numbers."""
    made = Table(title=title, title_justify="left", title_style="bold", header_style="dim", box=SIMPLE_HEAD)
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return made
