"""S3 key prefixes with `!{timestamp:...}` and `!{firehose:...}` expressions.

They are checked when a stream is made and evaluated when an object is.
"""

import re
import secrets
import string
from collections.abc import Callable
from datetime import datetime

MAX_EVALUATED = 512  # characters, AWS's limit after evaluation
ERROR_OUTPUT_TYPE = "error-output-type"
RANDOM_STRING = "random-string"
RANDOM_LENGTH = 11
_DEFAULT_TIME = "yyyy/MM/dd/HH/"
_DEFAULT_ERROR_TIME = "yyyy/MM/DDD/HH/"  # AWS: the day of the year, where no expression is given
_EXPRESSION = re.compile(r"!\{([A-Za-z]+):([^}]*)\}")
_PATTERN = re.compile(r"''|'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z']")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_FULL_TEXT = 4  # pattern letters from which Java writes the whole name
_SHORT_TEXT = 3


class PrefixError(ValueError):
    """The prefix is none that Firehose accepts."""


def check(prefix: str, error_prefix: str) -> None:
    """Raise PrefixError unless AWS would accept this pair."""
    found = {**_check_expressions("Prefix", prefix), **_check_expressions("ErrorOutputPrefix", error_prefix)}
    if ERROR_OUTPUT_TYPE in _values("firehose", prefix):
        raise PrefixError("Prefix cannot contain !{firehose:error-output-type}")
    if found.get("Prefix") and not error_prefix:
        raise PrefixError("ErrorOutputPrefix cannot be null or empty when Prefix contains expressions")
    if found.get("ErrorOutputPrefix") and ERROR_OUTPUT_TYPE not in _values("firehose", error_prefix):
        raise PrefixError("ErrorOutputPrefix with expressions must contain !{firehose:error-output-type}")


def evaluate(prefix: str, arrival: datetime, random: Callable[[], str] | None = None) -> str:
    """Where objects go whose oldest record arrived at `arrival`, which is in the stream's zone."""
    if not _values("timestamp", prefix):
        prefix += f"!{{timestamp:{_DEFAULT_TIME}}}"
    return _evaluate(prefix, arrival, "", random or random_string)


def evaluate_error(
    error_prefix: str, prefix: str, arrival: datetime, kind: str, random: Callable[[], str] | None = None
) -> str:
    """Where records go that could not be delivered, such as kind `processing-failed`."""
    if not error_prefix:
        error_prefix = f"{prefix}!{{firehose:{ERROR_OUTPUT_TYPE}}}/!{{timestamp:{_DEFAULT_ERROR_TIME}}}"
    elif not _values("timestamp", error_prefix):
        error_prefix += f"!{{timestamp:{_DEFAULT_TIME}}}"
    return _evaluate(error_prefix, arrival, kind, random or random_string)


def random_string() -> str:
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(RANDOM_LENGTH))


def java_time(pattern: str, time: datetime) -> str:
    """The time as Java's DateTimeFormatter writes it, for the letters that make sense in a key."""
    written = []
    for match in _PATTERN.finditer(pattern):
        run = match.group()
        if match.group(1):
            written.append(_letter(run, time))
        elif run == "''":
            written.append("'")
        elif run.startswith("'"):
            written.append(run[1:-1].replace("''", "'"))
        else:
            written.append(run)
    return "".join(written)


def _evaluate(prefix: str, arrival: datetime, kind: str, random: Callable[[], str]) -> str:
    def value(match: re.Match[str]) -> str:
        namespace, expression = match.groups()
        if namespace == "timestamp":
            return java_time(expression, arrival)
        return kind if expression == ERROR_OUTPUT_TYPE else random()

    return _EXPRESSION.sub(value, prefix)


def _letter(run: str, time: datetime) -> str:
    letter, width = run[0], len(run)
    match letter:
        case "y" | "u":
            return f"{time.year % 100:02d}" if width == 2 else f"{time.year:0{width}d}"  # noqa: PLR2004 (Java: yy is two digits)
        case "M" | "L" if width >= _SHORT_TEXT:
            return _text(_MONTHS[time.month - 1], width)
        case "E":
            return _text(_DAYS[time.weekday()], width)
        case "a":
            return "AM" if time.hour < 12 else "PM"  # noqa: PLR2004 (noon)
        case "S":
            return f"{time.microsecond:06d}".ljust(width, "0")[:width]
    numbers = {
        "M": time.month,
        "L": time.month,
        "d": time.day,
        "D": time.timetuple().tm_yday,
        "H": time.hour,
        "h": time.hour % 12 or 12,
        "m": time.minute,
        "s": time.second,
    }
    if letter not in numbers:
        raise PrefixError(f"!{{timestamp:...}} has the letter {letter}, which this endpoint does not write")
    return f"{numbers[letter]:0{width}d}"


def _text(name: str, width: int) -> str:
    return name if width >= _FULL_TEXT else name[:3]


def _values(namespace: str, prefix: str) -> set[str]:
    return {value for name, value in _EXPRESSION.findall(prefix) if name == namespace}


def _check_expressions(where: str, prefix: str) -> dict[str, bool]:
    if "!{" in _EXPRESSION.sub("", prefix):
        raise PrefixError(f"{where} has !{{ outside of an expression !{{namespace:value}}: {prefix!r}")
    for namespace, value in _EXPRESSION.findall(prefix):
        if namespace == "timestamp":
            _check_pattern(value)
        elif namespace != "firehose" or value not in (ERROR_OUTPUT_TYPE, RANDOM_STRING):
            raise PrefixError(f"{where} has the expression !{{{namespace}:{value}}}, which is not supported")
    if len(_evaluate(prefix, datetime(2026, 11, 20), ERROR_OUTPUT_TYPE, random_string)) > MAX_EVALUATED:  # noqa: DTZ001 (any time shows the length)
        raise PrefixError(f"{where} is longer than {MAX_EVALUATED} characters after evaluation")
    return {where: bool(_EXPRESSION.search(prefix))}


def _check_pattern(pattern: str) -> None:
    if not pattern or "".join(match.group() for match in _PATTERN.finditer(pattern)) != pattern:
        raise PrefixError(f"!{{timestamp:{pattern}}} is no date pattern: a quote is not closed")
    java_time(pattern, datetime(2026, 11, 20))  # noqa: DTZ001 (any time shows whether it can be written)
