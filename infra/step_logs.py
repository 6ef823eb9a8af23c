"""What a cluster's steps print: as it grows on this machine, or from S3, minutes after their end.

A Python step's words, also its refusals and tracebacks, are in stdout, where spark-submit joins them; Spark's
own are in stderr.
"""

import gzip
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infra.clients import client

ENDED = {"COMPLETED", "FAILED", "CANCELLED", "INTERRUPTED"}
LATE_S = 420  # EMR takes logs to S3 every five minutes
LAST_LINES = 20  # of a failed step's stderr
Say = Callable[[str], None]
Step = dict[str, Any]
StepFolder = Callable[[str], Path]


class Growing:
    """The local EMR's: a file that is read while it grows."""

    def __init__(self, folder: StepFolder) -> None:
        self._folder = folder
        self._said: dict[str, int] = {}

    def tell(self, step: Step, say: Say) -> bool:
        """Say the lines that were not said yet; whether they were the last."""
        ended = step["Status"]["State"] in ENDED
        lines = _whole_lines(self._folder(step["Id"]) / "stdout", ended=ended)
        said = self._said.get(step["Id"], 0)
        for line in lines[said:]:
            say(line)
        self._said[step["Id"]] = max(said, len(lines))
        return ended


class Archived:
    """Elsewhere: the objects that EMR puts below the cluster's LogUri once the step has ended."""

    def __init__(self, cluster: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._cluster = cluster
        self._clock = clock
        self._ended: dict[str, float] = {}  # when a step's end was first seen
        self._told: set[str] = set()

    def tell(self, step: Step, say: Say) -> bool:
        """Say a step's log once it is there, or where it will be; whether nothing is left to wait for."""
        name, state = step["Id"], step["Status"]["State"]
        if state not in ENDED:
            return False
        if name in self._told or _never_ran(step):
            return True
        bucket, folder = self._place(name)
        logs = {log: _object(bucket, f"{folder}/{log}.gz") for log in _wanted(state)}
        late = self._clock() - self._ended.setdefault(name, self._clock()) >= LATE_S
        if None in logs.values() and not late:
            return False
        for log, lines in logs.items():
            if lines is None:
                say(f"{log} of step {step['Name']} will be in s3://{bucket}/{folder}/{log}.gz")
            for line in (lines or [])[-LAST_LINES if log == "stderr" else 0 :]:
                say(line)
        self._told.add(name)
        return True

    def _place(self, step: str) -> tuple[str, str]:
        described = client("emr").describe_cluster(ClusterId=self._cluster)["Cluster"]
        bucket, _, prefix = described["LogUri"].partition("://")[2].partition("/")
        return bucket, f"{prefix.rstrip('/')}/{self._cluster}/steps/{step}"


def _never_ran(step: Step) -> bool:
    """Then no log will come."""
    return step["Status"]["State"] == "CANCELLED" and "StartDateTime" not in step["Status"].get(
        "Timeline", {}
    )


def _wanted(state: str) -> list[str]:
    """A failed step's stderr comes first: what its program said last is then the last that is read."""
    return ["stdout"] if state == "COMPLETED" else ["stderr", "stdout"]


def _whole_lines(output: Path, *, ended: bool) -> list[str]:
    """Those of a file that still grows, if it is there yet."""
    if not output.exists():
        return []
    text = output.read_text(errors="replace")
    return text.splitlines() if ended else text.split("\n")[:-1]


def _object(bucket: str, key: str) -> list[str] | None:
    s3 = client("s3")
    try:
        body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None
    return gzip.decompress(body).decode(errors="replace").splitlines()
