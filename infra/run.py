"""`cadabra retrain`: start a run as the hourly rule does, and follow its steps to the end."""

import json
import time
from collections.abc import Iterator

from infra import console
from infra.clients import client
from infra.problem import ProblemError
from infra.stack import Stack
from infra.step_logs import ENDED, Archived, Growing, Say, Step, StepFolder

POLL_S = 0.5


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
    """Until the cluster's steps have ended and their own lines are said. Raises RunFailedError."""
    logs = Growing(live) if live else Archived(cluster)
    while True:
        steps = list(_steps(cluster))
        for step in steps:
            if not logs.tell(step, say):
                waiting(_awaited(cluster, step))
                break
            _raise_if_failed(step)
        else:
            if steps:
                return
        time.sleep(POLL_S)


def _awaited(cluster: str, step: Step) -> str:
    state = step["Status"]["State"]
    if state in ENDED:
        return f"the log of step {step['Name']}: EMR puts it to S3 within minutes"
    return f"step {step['Name']}" if state == "RUNNING" else f"cluster {cluster} starts"


def _raise_if_failed(step: Step) -> None:
    status = step["Status"]
    if status["State"] not in ENDED - {"COMPLETED"}:
        return
    details = status.get("FailureDetails", {})
    reason = details.get("Message") or status.get("StateChangeReason", {}).get("Message", "no reason given")
    where = f" (log: {details['LogFile']})" if "LogFile" in details else ""
    raise RunFailedError(f"step {step['Name']} {status['State'].lower()}: {reason}{where}")


def _steps(cluster: str) -> Iterator[Step]:
    listed: list[Step] = client("emr").list_steps(ClusterId=cluster)["Steps"]
    yield from reversed(listed)  # EMR lists the newest first
