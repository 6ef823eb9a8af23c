"""Why a step failed, in one line, read off what it printed. emr_steps shows it as the step's failure."""

import re
from collections.abc import Sequence
from pathlib import Path

TAIL_BYTES = 64 * 1024  # the cause stands at the end
MESSAGE_MOST = 1000  # characters that DescribeStep shows
_TRACEBACK = "Traceback (most recent call last)"
# Spark's own log lines and greetings, and the frames of a Java trace.
_NOISE = re.compile(
    r"\s|\d\d/\d\d/\d\d \d\d:\d\d:\d\d |WARNING: |Using Spark's "
    r"|Setting (?:default|Spark) log level|To adjust logging"
)


def cause(stdout: Sequence[str], stderr: Sequence[str]) -> tuple[str, str]:
    """The line and the log it stands in; both empty where nothing tells.

    spark-submit joins a Python program's stderr into stdout; stderr is the JVM's.
    """
    found = {
        "stdout": _exception_of_python(stdout),
        "stderr": _last_meaningful(stderr),
    }
    found["stdout"] = found["stdout"] or ("" if found["stderr"] else _last_meaningful(stdout))
    return next(((line[:MESSAGE_MOST], log) for log, line in found.items() if line), ("", ""))


def _exception_of_python(lines: Sequence[str]) -> str:
    """What stands below the last traceback's frames, with the Java exception where it wraps one."""
    starts = [place for place, line in enumerate(lines) if line.startswith(_TRACEBACK)]
    if not starts:
        return ""
    below = [line for line in lines[starts[-1] + 1 :] if line.strip() and not line[0].isspace()]
    wrapped = [line for line in below[1:2] if line.startswith(": ")]
    return "".join(below[:1] + wrapped)


def _last_meaningful(lines: Sequence[str]) -> str:
    told = [line for line in lines if line.strip() and not _NOISE.match(line)]
    return told[-1].strip() if told else ""


def tail(path: Path) -> list[str]:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        return file.read().decode(errors="replace").splitlines()
