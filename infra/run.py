"""`cadabra retrain`: start a run as the hourly rule does, and follow its steps to the end."""

import gzip
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from infra import console
from infra.clients import client
from infra.problem import ProblemError
from infra.stack import Stack

POLL_S = 0.5
_ENDED = {"COMPLETED", "FAILED", "CANCELLED", "INTERRUPTED"}
Say = Callable[[str], None]


class RunActiveError(ProblemError):
    """Another run holds the lease."""


class RunFailedError(ProblemError):
    """A step of the run failed; the message carries the step's own last words."""


def start(stack: Stack, arguments: dict[str, list[str]]) -> str:
    """Start a run through the start_retrain Lambda; the answer is its cluster."""
    event = json.dumps({"arguments": arguments}).encode()
    answer = client("lambda").invoke(FunctionName=stack.start_retrain, Payload=event)
    said = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise ProblemError(f"start_retrain failed: {said.get('errorMessage', said)}")
    if not said["started"]:
        raise RunActiveError(said["message"])
    return str(said["cluster"])


def run(stack: Stack, arguments: dict[str, list[str]], say: Say) -> None:
    """Start a run and follow it to its end."""
    cluster = start(stack, arguments)
    say(f"cluster {cluster} started")
    with console.waiting(f"cluster {cluster} starting") as progress:
        follow(cluster, say, lambda step: progress.update(progress.task_ids[0], description=step))


def follow(cluster: str, say: Say, waiting: Callable[[str], None]) -> None:
    """Until the cluster's steps have ended; each ended step's own lines are said. Raises RunFailedError."""
    told: set[str] = set()
    while True:
        steps = list(_steps(cluster))
        for step in steps:
            if step["Status"]["State"] in _ENDED and step["Id"] not in told:
                told.add(step["Id"])
                _tell(cluster, step, say)
        if len(told) == len(steps) and steps:
            return
        running = [step["Name"] for step in steps if step["Status"]["State"] == "RUNNING"]
        waiting(f"step {running[0]}" if running else f"cluster {cluster} starting")
        time.sleep(POLL_S)


def _tell(cluster: str, step: dict[str, Any], say: Say) -> None:
    status = step["Status"]
    if status["State"] != "COMPLETED":
        details = status.get("FailureDetails", {})
        reason = details.get("Message") or status.get("StateChangeReason", {}).get(
            "Message", "no reason given"
        )
        where = f" (log: {details['LogFile']})" if "LogFile" in details else ""
        raise RunFailedError(f"step {step['Name']} {status['State'].lower()}: {reason}{where}")
    for line in _output(cluster, step["Id"]):
        say(line)


def _steps(cluster: str) -> Iterator[dict[str, Any]]:
    listed: list[dict[str, Any]] = client("emr").list_steps(ClusterId=cluster)["Steps"]
    yield from reversed(listed)  # EMR lists the newest first


def _output(cluster: str, step: str) -> list[str]:
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
