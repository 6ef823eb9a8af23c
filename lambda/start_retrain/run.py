"""One run: the lease, the EMR request with this run's number in it, and the cluster's name in the lease.

The event may say `arguments`, a step's own by its name, and `stay`: then the cluster gets no steps and stays;
who asked (the Airflow DAG) sends it those of the answer, and ends it.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from string import Template
from typing import Any

from contracts import lease
from contracts.lease import Lease, LeaseHeldError
from contracts.s3_layout import EMR_REQUEST

END_POLL_S = 5.0
END_POLLS = 48  # four minutes: a cluster takes one or two to end
_ENDED = {"TERMINATED", "TERMINATED_WITH_ERRORS"}


class RequestMissingError(RuntimeError):
    """There is no EMR request to send."""


@dataclass(frozen=True)
class Clients:
    dynamodb: Any
    emr: Any
    s3: Any


@dataclass(frozen=True)
class Settings:
    table: str
    artifacts: str  # the bucket of the EMR request and its scripts
    run_seconds: int  # the run's hard deadline
    clock: Callable[[], int] = lambda: int(time.time())  # asked anew after each wait
    end_polls: int = END_POLLS  # how often to look whether an overdue run's cluster has ended
    pause: Callable[[float], None] = time.sleep


def start(clients: Clients, settings: Settings, event: dict[str, Any]) -> dict[str, Any]:
    """Start a run; `started` in the answer is false where another is active, and `message` says which."""
    try:
        held, cleared = _take(clients, settings)
    except LeaseHeldError as error:
        return {
            "started": False,
            "message": str(error),
            "run": error.lease.number,
            "cluster": error.lease.cluster,
        }
    began = settings.clock()
    try:
        request = _request(clients.s3, settings.artifacts, event, Run=held.number, Began=began)
        steps = _kept_back(request) if event.get("stay") else {}
        _idle_no_sooner(request, settings.run_seconds)
        cluster = clients.emr.run_job_flow(**request)["JobFlowId"]
    except BaseException:
        lease.release(clients.dynamodb, settings.table, held.number)
        raise
    try:
        lease.start(clients.dynamodb, settings.table, held, cluster, began + settings.run_seconds)
    except BaseException:  # no lease names the cluster: nobody else would end it
        clients.emr.terminate_job_flows(JobFlowIds=[cluster])
        raise
    return {
        "started": True,
        "message": f"{cleared}run {held.number} started on cluster {cluster}",
        "run": held.number,
        "cluster": cluster,
        "steps": steps,
    }


def _take(clients: Clients, settings: Settings) -> tuple[Lease, str]:
    """The lease, and what had to be cleared away for it, in words."""
    standing = lease.read(clients.dynamodb, settings.table)
    cleared = ""
    if standing and standing.cluster and not standing.free:
        cleared = _clear(clients, settings, standing)
    return lease.take(clients.dynamodb, settings.table, settings.clock()), cleared


def _clear(clients: Clients, settings: Settings, standing: Lease) -> str:
    """Give back the lease of a run whose cluster has ended, first ending the cluster of one that is overdue.

    While the cluster lives the lease stays: a step may be in the middle of a commit.
    """
    said = f"run {standing.number} ended with cluster {standing.cluster} and kept its lease; "
    if not _has_ended(clients.emr, standing.cluster):
        now = settings.clock()
        if standing.deadline > now:
            raise LeaseHeldError(standing, now)
        late = now - standing.deadline
        said = f"run {standing.number} was {late} s past its deadline, cluster {standing.cluster} was ended; "
        clients.emr.terminate_job_flows(JobFlowIds=[standing.cluster])
        if not _ends_within(clients, settings, standing.cluster):
            raise LeaseHeldError(standing, now)
    lease.release(clients.dynamodb, settings.table, standing.number)
    return said


def _ends_within(clients: Clients, settings: Settings, cluster: str) -> bool:
    for _ in range(settings.end_polls):
        if _has_ended(clients.emr, cluster):
            return True
        settings.pause(END_POLL_S)
    return False


def _has_ended(emr: Any, cluster: str) -> bool:
    try:
        state = emr.describe_cluster(ClusterId=cluster)["Cluster"]["Status"]["State"]
    except emr.exceptions.InvalidRequestException:  # a cluster nobody knows runs nowhere
        return True
    return state in _ENDED


def _request(s3: Any, artifacts: str, event: dict[str, Any], **known: int) -> dict[str, Any]:
    """The deployed request with what only this run knows put into its placeholders."""
    try:
        text = s3.get_object(Bucket=artifacts, Key=EMR_REQUEST)["Body"].read().decode()
    except s3.exceptions.NoSuchKey as error:
        raise RequestMissingError(
            f"s3://{artifacts}/{EMR_REQUEST} is not there; `cadabra deploy` puts it"
        ) from error
    resolved: dict[str, Any] = json.loads(Template(text).substitute(known))
    for step in resolved["Steps"]:
        step["HadoopJarStep"]["Args"] += event.get("arguments", {}).get(step["Name"], [])
    return resolved


def _kept_back(request: dict[str, Any]) -> dict[str, Any]:
    """The request's steps by name, taken out of it; its cluster waits for them until it is idle too long."""
    steps = {step["Name"]: step for step in request.pop("Steps")}
    request["Instances"]["KeepJobFlowAliveWhenNoSteps"] = True
    return steps


def _idle_no_sooner(request: dict[str, Any], run_seconds: int) -> None:
    """A step that trains outside YARN may look idle to EMR; no cluster ends so before its run is overdue."""
    policy = request.get("AutoTerminationPolicy")
    if policy:
        policy["IdleTimeout"] = max(policy["IdleTimeout"], run_seconds)
