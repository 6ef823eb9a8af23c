"""How far a study is: a bar where someone is looking, otherwise a line for each step, for who follows it."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn

from emr_jobs.explicit.crossvalidation import Tell


@contextmanager
def bar() -> Iterator[Tell]:
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _line
        return
    columns = (*Progress.get_default_columns(), MofNCompleteColumn(), TextColumn("{task.fields[doing]}"))
    with Progress(*columns, console=console, transient=True) as shown:
        task = shown.add_task("study", total=None, doing="")
        yield lambda done, total, doing: shown.update(task, completed=done, total=total, doing=doing)


def silent(_text: str) -> None:
    pass


def _line(done: int, total: int, doing: str) -> None:
    """`cadabra study` makes a bar of these."""
    print(f"study: {done}/{total} {doing}", flush=True)
