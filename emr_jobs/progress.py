"""A bar of known length where someone is looking, silence where nobody is. Used by backtest and report."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn


@contextmanager
def steps(what: str, total: int) -> Iterator[Callable[[str], None]]:
    """Call what it gives with the name of each step that begins."""
    console = Console(stderr=True)
    columns = (*Progress.get_default_columns(), MofNCompleteColumn(), TextColumn("{task.fields[doing]}"))
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(what, total=total, doing="")
        yield lambda doing: bar.update(task, advance=1, doing=doing)
