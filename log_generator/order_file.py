"""A real order file, such as the public Online Retail CSV, as log lines with event ids.

Plain or compressed (gz, xz, bz2), UTF-8 with or without a mark or latin-1, LF or CRLF, with or without its
header: the same orders get the same ids, made of the digest of the text and the number of the line.
"""

import bz2
import gzip
import lzma
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa

from contracts.order_line import Reason, RefusedLineError, fate_of, parse_line, parse_time
from log_generator.errors import OrderFileError
from log_generator.log_lines import LogLines, number_of

BATCH_LINES = 4_096
_DIGEST_BYTES = 6
_WEEK = timedelta(weeks=1)
_OPENERS: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"\xfd7": lzma.open, b"BZ": bz2.open}
_COLUMNS_AFTER_TIME = 3  # price, customer and country hold no comma
_SEVEN_COLUMNS_REPAIR = b",,,"  # an id as the eighth column would make a wrong line a right one


@dataclass(frozen=True, slots=True)
class OrderFile:
    path: Path
    digest: str
    lines: int  # without the header and empty lines
    newest: datetime

    def weeks_until(self, now: datetime) -> int:
        """By how many whole weeks the orders can be younger without one lying ahead; weekdays stay."""
        return (now - self.newest) // _WEEK

    def source(self, weeks: int) -> str:
        """Shifted orders are other orders: they get other ids."""
        return f"{self.digest}-{weeks}w" if weeks else self.digest

    def log_lines(self, weeks: int, after: int = 0, *, batch: int = BATCH_LINES) -> Iterator[LogLines]:
        """The lines beyond number `after`, `weeks` younger. One without a time has that of the one before."""
        source = self.source(weeks)
        numbered = enumerate(islice(_texts(self.path), after, None), after + 1)
        latest = int((self.newest + weeks * _WEEK).timestamp())  # for lines before the first that has a time
        while lines := list(islice(numbered, batch)):
            texts, outcomes, times = [], [], []
            for number, text in lines:
                line, outcome, time = _log_line(_younger(text, weeks), f"{source}-{number}")
                latest = time or latest
                texts.append(line)
                outcomes.append(outcome)
                times.append(latest)
            yield LogLines(
                pa.array(texts, pa.large_binary()),
                np.array([number for number, _ in lines], np.int64),
                np.array(times, np.int64),
                np.array(outcomes, np.int8),
            )


def survey(path: Path, advance: Callable[[int], None] = lambda _: None) -> OrderFile:
    """Reads the file through once: what it is called and how far it goes."""
    digest = blake2b(digest_size=_DIGEST_BYTES)
    lines, newest = 0, datetime.min.replace(tzinfo=UTC)
    try:
        for text in _texts(path):
            digest.update(text.encode() + b"\n")
            lines += 1
            newest = max(newest, _time(_split(text)[1]) or newest)
            if lines == 1:
                _refuse_own_log(path, text)
            if lines % BATCH_LINES == 0:
                advance(BATCH_LINES)
    except (EOFError, OSError, lzma.LZMAError) as error:
        raise OrderFileError(f"{path} cannot be read: {error}") from error
    if newest.year == 1:
        raise OrderFileError(f"{path} holds no order line: none of its {lines:,} lines has a time")
    return OrderFile(path, digest.hexdigest(), lines, newest)


def _texts(path: Path) -> Iterator[str]:
    """Each line that is neither empty nor the header, without its line end."""
    with _opened(path) as file:
        for number, raw in enumerate(file):
            line = raw.removeprefix(b"\xef\xbb\xbf") if not number else raw
            try:
                text = line.decode()
            except UnicodeDecodeError:
                text = line.decode("latin-1")  # as ingest reads raw files
            text = text.rstrip("\r\n")
            if text and not (number == 0 and _is_header(text)):
                yield text


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        start = file.read(2)
    opened: IO[bytes] = _OPENERS.get(start, open)(path, "rb")
    return opened


def _is_header(text: str) -> bool:
    try:
        parse_line(text.encode())
    except RefusedLineError as error:
        return error.reason is Reason.HEADER
    return False


def _refuse_own_log(path: Path, text: str) -> None:
    try:
        event_id = parse_line(text.encode()).event_id
    except RefusedLineError:
        return
    if event_id:
        raise OrderFileError(
            f"{path} is a log already, its first line is {event_id}: copy it into the log folder as it is"
        )


def _split(text: str) -> tuple[str, str, str]:
    """What stands before the time, the time, and the rest; the time is empty where columns are missing."""
    columns = text.rsplit(",", _COLUMNS_AFTER_TIME + 1)
    if len(columns) <= _COLUMNS_AFTER_TIME + 1:
        return text, "", ""
    return columns[0] + ",", columns[1], "," + ",".join(columns[2:])


@lru_cache(maxsize=4_096)  # the lines of one invoice, and of one minute, share it
def _time(text: str) -> datetime | None:
    try:
        return parse_time(text.strip().strip('"'), UTC)
    except RefusedLineError:
        return None


def _younger(text: str, weeks: int) -> str:
    """Times keep meaning the shop's zone: the new one has no zone either."""
    if not weeks:
        return text
    before, time_text, after = _split(text)
    time = _time(time_text)
    if time is None:
        return text
    zone = "Z" if time_text.rstrip('" ')[-1:].isalpha() else ""
    return f"{before}{time + weeks * _WEEK:%Y-%m-%dT%H:%M:%S}{zone}{after}"


def _log_line(text: str, event_id: str) -> tuple[bytes, int, int]:
    """The line with its id, its outcome, and its time where it has one."""
    line, end = text.encode(), event_id.encode() + b"\n"
    try:
        order = parse_line(line + b"," + end)
    except RefusedLineError as error:
        return line + b"," + end, number_of(error.reason), 0
    if order.event_id != event_id:
        return line + _SEVEN_COLUMNS_REPAIR + end, number_of(Reason.COLUMNS), 0
    return line + b"," + end, number_of(fate_of(order)), int(order.time.timestamp())
