"""An order file read as ingest reads the logs: the same parser, the same fates. Used by backtest."""

import gzip
import lzma
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pyarrow as pa
from rich.console import Console
from rich.progress import Progress

from contracts.order_line import ErasedLineError, Fate, Reason, RefusedLineError, fate_of, parse_line
from emr_jobs.judging import first_names
from emr_jobs.orders import COLUMNS, Orders, from_arrow

_BATCH_LINES = 10_000  # between two steps of the progress bar


class OrderFileError(ValueError):
    """The file holds no orders."""


def read(path: Path) -> tuple[Orders, Counter[Reason | Fate]]:
    """The orders of a plain, .gz or .xz file, and how many lines were refused for which reason."""
    wanted = (*COLUMNS, first_names.COLUMN)
    columns: dict[str, list[object]] = {name: [] for name in wanted}
    refused: Counter[Reason | Fate] = Counter()
    for raw in lines(path):
        if not raw.strip():
            continue
        try:
            line = parse_line(raw)
        except RefusedLineError as error:
            refused[error.reason] += 1
            continue
        except ErasedLineError:
            refused[Fate.ERASED] += 1
            continue
        values = (line.customer, line.stock_code, line.invoice, line.quantity, line.time)
        rest = (float(line.unit_price), str(fate_of(line)), line.description)
        for name, value in zip(wanted, (*values, *rest), strict=True):
            columns[name].append(value)
    if not columns["time"]:
        raise OrderFileError(f"{path} holds no order line; {sum(refused.values()):,} lines were refused")
    times = pa.array(columns.pop("time"), pa.timestamp("s", "UTC"))
    table = pa.table(columns | {"time": times})
    return from_arrow(table).named(first_names.first_names(table)), refused


def lines(path: Path) -> Iterator[bytes]:
    """The lines, with a progress bar by compressed bytes where someone is looking."""
    console = Console(stderr=True)
    bar = Progress(console=console, disable=not console.is_terminal, transient=True)
    with bar, path.open("rb") as packed:
        task = bar.add_task(f"reading {path.name}", total=path.stat().st_size)
        for number, line in enumerate(_unpacked(path, packed)):
            if number % _BATCH_LINES == 0:
                bar.update(task, completed=packed.tell())
            yield line


def _unpacked(path: Path, packed: IO[bytes]) -> Iterator[bytes]:
    try:
        if path.suffix == ".xz":
            with lzma.open(packed) as lines:
                yield from lines
        elif path.suffix == ".gz":
            with gzip.open(packed) as lines:
                yield from lines
        else:
            yield from packed
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise OrderFileError(f"{path} cannot be read to its end: {error}") from error
