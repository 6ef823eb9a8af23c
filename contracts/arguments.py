"""What a person may name to `cadabra` and to the steps of a run; refused before anything starts."""

import argparse
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

AUTO, LOCAL, SPARK, MLLIB = TRAINERS = ("auto", "local", "spark", "mllib")


@dataclass(frozen=True, slots=True)
class Days:
    """The arrival hours of a day, or all up to now."""

    first: datetime | None  # None: the oldest there is
    last: datetime


def moment(text: str) -> datetime:
    """A time, UTC where it names no zone."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 2026-11-20T11:00") from error
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)


def hour(text: str) -> datetime:
    try:
        return moment(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no hour such as 2026-11-20T09") from error


def days(text: str) -> Days:
    if text == "all":
        return Days(None, datetime.now(UTC))
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a day such as 2026-11-20 nor all") from error
    return Days(day, day + timedelta(hours=23))
