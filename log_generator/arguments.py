"""What the command line's options may be; each refusal says what would be right."""

from argparse import ArgumentTypeError
from datetime import UTC
from pathlib import Path

from contracts.order_line import RefusedLineError, parse_time, split_event_id
from log_generator.catalogue import MAX_ITEMS, MIN_ITEMS
from log_generator.dirt import MAX_RATE


def count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise ArgumentTypeError(f"{text!r} is no number above 0")
    return value


def seed(text: str) -> int:
    if not text.isdecimal():
        raise ArgumentTypeError(f"{text!r} is no whole number from 0 on")
    return int(text)


def dirt(text: str) -> float:
    value = 0.0 if text == "0" else positive(text)
    if value > MAX_RATE:
        raise ArgumentTypeError(f"{text} is more than {MAX_RATE:g}, at which half of the lines are soiled")
    return value


def items(text: str) -> int:
    value = count(text)
    if not MIN_ITEMS <= value <= MAX_ITEMS:
        raise ArgumentTypeError(f"{text} is not from {MIN_ITEMS} to {MAX_ITEMS:,}")
    return value


def source(text: str) -> str:
    if split_event_id(f"{text}-1") != (text, 1):
        raise ArgumentTypeError(f"{text!r} is no source: letters, digits and ._:- up to 100")
    return text


def moment(text: str) -> float | None:
    if text == "now":
        return None
    try:
        return parse_time(text, UTC).timestamp()
    except RefusedLineError:
        raise ArgumentTypeError(f"{text!r} is neither now nor a time such as 2026-11-20T11:00:00Z") from None


def new_file(text: str) -> Path:
    """Its folder is made now: a run must not fail at its end."""
    path = Path(text)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ArgumentTypeError(f"{text!r}: {error}") from error
    if path.is_dir():
        raise ArgumentTypeError(f"{text!r} is a folder")
    return path
