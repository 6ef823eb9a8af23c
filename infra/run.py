"""`cadabra retrain`: start a run as the hourly rule does, and follow its steps to the end."""

import gzip
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from infra import console
from infra.clients import client
from infra.problem import ProblemError
from infra.stack import Stack

POLL_S = 0.5
_ENDED = {"COMPLETED", "FAILED", "CANCELLED", "INTERRUPTED"}
Say = Callable[[str], None]
StepFolder = Callable[[str], Path]


class RunActiveError(ProblemError):
    """Another run holds the lease."""

    def __init__(self, message: str, cluster: str) -> None:
        super().__init__(message)
        self.cluster = cluster


class RunFailedError(ProblemError):
    """A step of the run failed; the message carries the step's own last words."""


def run(
    stack: Stack,
    arguments: dict[str, list[str]],
    say: Say,
    live: StepFolder | None = None,
    *,
    wait: bool = False,
) -> None:
    """Start a run and follow it to its end; with `wait`, follow the active one first.

    `live` is where a step's output grows on this machine; elsewhere it is read from the log once it is there.
    """
    with console.waiting("a cluster") as progress:
        cluster = _start_after_others(stack, arguments, say) if wait else start(stack, arguments)
        say(f"cluster {cluster} started")
        follow(cluster, say, lambda what: progress.update(progress.task_ids[0], description=what), live)


def start(stack: Stack, arguments: dict[str, list[str]]) -> str:
    """Start a run through the start_retrain Lambda; the answer is its cluster."""
    event = json.dumps({"arguments": arguments}).encode()
    answer = client("lambda").invoke(FunctionName=stack.start_retrain, Payload=event)
    said = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise ProblemError(f"start_retrain failed: {said.get('errorMessage', said)}")
    if not said["started"]:
        raise RunActiveError(said["message"], said["cluster"])
    return str(said["cluster"])


def _start_after_others(stack: Stack, arguments: dict[str, list[str]], say: Say) -> str:
    told = False
    while True:
        try:
            return start(stack, arguments)
        except RunActiveError as error:
            if not told:
                say(f"waiting: {error}")
            told = True
            time.sleep(POLL_S)


def follow(cluster: str, say: Say, waiting: Say, live: StepFolder | None = None) -> None:
    """Until the cluster's steps have ended; their own lines are said. Raises RunFailedError."""
    said: dict[str, int] = {}
    while True:
        steps = list(_steps(cluster))
        for step in steps:
            _say_more(cluster, step, said, say, live)
            _raise_if_failed(step)
        if steps and all(step["Status"]["State"] in _ENDED for step in steps):
            return
        running = [step["Name"] for step in steps if step["Status"]["State"] == "RUNNING"]
        waiting(f"step {running[0]}" if running else f"cluster {cluster} starts")
        time.sleep(POLL_S)


def _say_more(
    cluster: str, step: dict[str, Any], said: dict[str, int], say: Say, live: StepFolder | None
) -> None:
    """The lines of a step that were not said yet."""
    ended = step["Status"]["State"] in _ENDED
    if live:
        lines = _growing(live(step["Id"]) / "stdout", ended=ended)
    else:
        lines = _logged(cluster, step["Id"]) if ended and not said.get(step["Id"]) else []
    for line in lines[said.setdefault(step["Id"], 0) :]:
        say(line)
    said[step["Id"]] = max(said[step["Id"]], len(lines))


def _growing(output: Path, *, ended: bool) -> list[str]:
    """The whole lines of a file that still grows, if it is there yet."""
    if not output.exists():
        return []
    text = output.read_text(errors="replace")
    return text.splitlines() if ended else text.split("\n")[:-1]


def _raise_if_failed(step: dict[str, Any]) -> None:
    status = step["Status"]
    if status["State"] not in _ENDED - {"COMPLETED"}:
        return
    details = status.get("FailureDetails", {})
    reason = details.get("Message") or status.get("StateChangeReason", {}).get("Message", "no reason given")
    where = f" (log: {details['LogFile']})" if "LogFile" in details else ""
    raise RunFailedError(f"step {step['Name']} {status['State'].lower()}: {reason}{where}")


def _steps(cluster: str) -> Iterator[dict[str, Any]]:
    listed: list[dict[str, Any]] = client("emr").list_steps(ClusterId=cluster)["Steps"]
    yield from reversed(listed)  # EMR lists the newest first


def _logged(cluster: str, step: str) -> list[str]:
    """What the step printed, if EMR has put it to the log folder already (on AWS that takes minutes)."""
    described = client("emr").describe_cluster(ClusterId=cluster)["Cluster"]
    bucket, _, prefix = described["LogUri"].partition("://")[2].partition("/")
    key = f"{prefix.rstrip('/')}/{cluster}/steps/{step}/stdout.gz"
    s3 = client("s3")
    try:
        body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except s3.exceptions.NoSuchKey:
        return [f"its output will be in s3://{bucket}/{key}"]
    return gzip.decompress(body).decode(errors="replace").splitlines()
