"""`cadabra sql`: a question to the lake in Spark's SQL; it only reads."""

import csv
import itertools
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from rich.text import Text

from infra import console
from infra.lake import local_spark
from infra.problem import ProblemError
from infra.stack import Stack

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

QUERIES = ("SELECT", "WITH")
READING = (*QUERIES, "SHOW", "DESCRIBE", "DESC", "EXPLAIN")
SHOWN_ROWS = 50
_BEFORE_FIRST_WORD = re.compile(r"(?:\s|\(|--[^\n]*(?:\n|$)|/\*.*?\*/)*", re.DOTALL)
_PLANS = "org.apache.spark.sql.catalyst.plans.logical"
_WRITING = ("Command", "ParsedStatement")  # what Spark calls DELETE, MERGE and UPDATE, and INSERT
_CONDITION = re.compile(r"\[[A-Z][A-Z0-9_.]+\] ")  # its name, as [DIVIDE_BY_ZERO], stands before the message
_STACK = ("\tat ", "JVM stacktrace:")
_PLAN = ";\n"  # Spark's own plan of a wrong query follows its message; it says nothing to a person


class ReadOnlyError(ProblemError):
    """The statement would do something else than read."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} is refused: `cadabra sql` only reads ({', '.join(READING)}). "
            "What changes the lake belongs to a run that holds the lease: `cadabra retrain`"
        )


class WrongQueryError(ProblemError):
    """Spark does not understand the query, or could not answer it."""


@dataclass(frozen=True)
class Answer:
    columns: tuple[str, ...]
    numbers: tuple[str, ...]  # the columns to align to the right
    rows: Iterator[tuple[str, ...]]  # each value as text, NULL as nothing


def answer(stack: Stack, query: str, limit: int | None, out: TextIO | None) -> None:
    """Print a table of at most `limit` rows, or, given `out`, write CSV to it."""
    first_word(query)  # refused before anything is started
    with console.waiting("Spark starts") as progress, local_spark.opened(stack) as session:
        progress.update(progress.task_ids[0], description="Spark reads the lake")
        found = ask(session, query, limit)
        rows = _told(found.rows)
        first = list(itertools.islice(rows, 1))  # the spinner turns until there is something to show
        progress.stop()
        if out:
            write(found.columns, itertools.chain(first, rows), out)
        else:
            show(found, [*first, *rows], limit)


def query_text(words: list[str], file: Path | None) -> str:
    """The query as it was given: as arguments, in a file, or (FILE is -) on stdin."""
    if bool(words) == bool(file):
        raise ProblemError('give a query, as cadabra sql "SELECT ...", or a file of one with -f FILE')
    if file is None:
        return " ".join(words)
    return sys.stdin.read() if str(file) == "-" else file.read_text()


def first_word(query: str) -> str:
    """What the statement begins with; raises ReadOnlyError unless that reads."""
    found = _BEFORE_FIRST_WORD.match(query)
    rest = query[found.end() :] if found else query
    word = re.match(r"\w*", rest)
    name = word[0].upper() if word else ""
    if name not in READING:
        raise ReadOnlyError(name or "an empty query")
    return name


def ask(session: "SparkSession", query: str, limit: int | None) -> Answer:
    """The answer's columns and its rows, one more than `limit` where it was cut."""
    from pyspark.sql.types import NumericType

    try:
        frame = _frame(session, query)
        kinds = [(field.name, field.dataType) for field in frame.schema]
        # Few rows come at once; all of them a partition at a time, so that memory stays bounded.
        rows = frame.toLocalIterator() if limit is None else iter(frame.limit(limit + 1).collect())
    except _spark_errors() as error:
        raise WrongQueryError(message(error)) from error
    numbers = tuple(name for name, kind in kinds if isinstance(kind, NumericType))
    return Answer(tuple(frame.columns), numbers, (tuple(map(_text, row)) for row in rows))


def _frame(session: "SparkSession", query: str) -> "DataFrame":
    """Spark's own parser has the last word on what only reads: WITH may also begin an INSERT."""
    spark: Any = session
    plan = spark._jsparkSession.sessionState().sqlParser().parsePlan(query)  # noqa: SLF001 (Python has no name for it)
    if first_word(query) in QUERIES and _writes(session, plan):
        raise ReadOnlyError("a WITH that ends in a statement that writes")
    return session.sql(query)


def _writes(session: "SparkSession", plan: Any) -> bool:
    """Whether the parsed statement has anything in it that is no query."""
    from py4j.java_gateway import is_instance_of  # type: ignore[import-untyped]  # it ships no types

    gateway: Any = session.sparkContext._gateway  # noqa: SLF001 (as above)
    if any(is_instance_of(gateway, plan, f"{_PLANS}.{kind}") for kind in _WRITING):
        return True
    children = plan.children()
    return any(_writes(session, children.apply(place)) for place in range(children.size()))


def _told(rows: Iterator[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """A query may also fail while its rows are made."""
    try:
        yield from rows
    except _spark_errors() as error:
        raise WrongQueryError(message(error)) from error


def _spark_errors() -> tuple[type[Exception], ...]:
    """The second is what comes of rows that are made one partition after the other."""
    from py4j.protocol import Py4JError  # type: ignore[import-untyped]  # it ships no types
    from pyspark.errors import PySparkException

    return PySparkException, Py4JError


def message(error: Exception) -> str:
    """What Spark says to a person, without the classes, the plan and the stack around it."""
    whole = str(error).strip()
    condition = _CONDITION.search(whole)
    said = whole[condition.start() :] if condition else whole
    kept = itertools.takewhile(
        lambda line: not line.startswith(_STACK), said.partition(_PLAN)[0].splitlines()
    )
    return "\n".join(filter(str.strip, kept))


def show(found: Answer, rows: list[tuple[str, ...]], limit: int | None) -> None:
    """As a table where it fits the terminal, else a little table for each row."""
    shown = rows[:limit]
    table = console.table(None, *found.columns, right=found.numbers)
    for row in shown:
        table.add_row(*map(_cell, row))
    if console.out.measure(table).maximum <= console.out.width:
        console.out.print(table, markup=False)
    else:
        _show_singly(found.columns, shown)
    if limit is not None and len(rows) > limit:
        console.say(f"the first {limit:,} rows; there are more: --limit N shows N, --csv writes all")
    else:
        console.say(console.counted(len(rows), "row"))


def _show_singly(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    for number, row in enumerate(rows, 1):
        table = console.table(None, f"row {number}", "")
        for name, value in zip(columns, row, strict=True):
            table.add_row(name, _cell(value))
        console.out.print(table, markup=False)


def _cell(value: str) -> Text:
    """What a shop's line says is neither markup nor a command to the terminal."""
    return Text("".join(each if each.isprintable() or each == "\n" else ascii(each)[1:-1] for each in value))


def write(columns: Iterable[str], rows: Iterable[tuple[str, ...]], out: TextIO) -> None:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)


def _text(value: Any) -> str:
    """A value as a person reads it; times are UTC."""
    if value is None:
        return ""
    if isinstance(value, datetime):  # PySpark hands out the machine's own local time
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    if isinstance(value, bytes | bytearray):
        return value.decode(errors="backslashreplace")
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
