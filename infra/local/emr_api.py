"""EMR's API as boto3 speaks it: what each action takes, refuses and answers. `emr` carries it over HTTP."""

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from infra.local.emr_records import Cluster, ClusterState, OnFailure, Step, StepState, new_id
from infra.local.emr_runs import ClusterOverError, Clusters

PAGE = 50  # what EMR lists in one answer
STEPS_MOST = 256  # of a cluster, active at once
IDLE_SECONDS = range(60, 7 * 24 * 3600 + 1)  # of an auto-termination policy
_RELEASE = re.compile(r"emr-(spark-)?\d+\.\d+\.\d+")
_ARN = "arn:aws:elasticmapreduce:us-east-1:000000000000:cluster/"

Plain = dict[str, Any]


class ApiError(Exception):
    """An answer of EMR's that refuses."""

    code = "InternalServerException"


class ValidationError(ApiError):
    code = "ValidationException"


class InvalidRequestError(ApiError):
    code = "InvalidRequestException"


class Api:
    def __init__(self, clusters: Clusters) -> None:
        self._clusters = clusters
        self._actions: dict[str, Callable[[Plain], Plain]] = {
            "RunJobFlow": self.run_job_flow,
            "AddJobFlowSteps": self.add_job_flow_steps,
            "CancelSteps": self.cancel_steps,
            "DescribeCluster": self.describe_cluster,
            "DescribeStep": self.describe_step,
            "ListClusters": self.list_clusters,
            "ListSteps": self.list_steps,
            "TerminateJobFlows": self.terminate_job_flows,
        }

    def answer(self, action: str, body: Plain) -> Plain:
        if action not in self._actions:
            raise InvalidRequestError(f"the local EMR does not know {action or 'a request without a target'}")
        with self._clusters.unchanging:
            return self._actions[action](body)

    def run_job_flow(self, body: Plain) -> Plain:
        check_cluster(body)
        request = {key: value for key, value in body.items() if key != "Steps"}
        cluster = Cluster(new_id("j-"), request, time.time(), steps=read_steps(body.get("Steps") or []))
        self._clusters.start(cluster)
        return {"JobFlowId": cluster.id, "ClusterArn": _ARN + cluster.id}

    def add_job_flow_steps(self, body: Plain) -> Plain:
        cluster = self._cluster(body.get("JobFlowId"))
        steps = read_steps(body.get("Steps") or [])
        if not steps:
            raise ValidationError("Steps: at least one is needed")
        active = sum(not step.state.over for step in cluster.steps)
        if active + len(steps) > STEPS_MOST:
            raise ValidationError(f"Maximum number of active steps ({STEPS_MOST}) for cluster exceeded.")
        try:
            self._clusters.add_steps(cluster, steps)
        except ClusterOverError as error:
            raise ValidationError(
                "A job flow that is shutting down, terminated, or finished may not be modified."
            ) from error
        return {"StepIds": [step.id for step in steps]}

    def cancel_steps(self, body: Plain) -> Plain:
        cluster = self._cluster(body.get("ClusterId"))
        answers = []
        for step_id in body.get("StepIds") or []:
            self._step(cluster, step_id)
            answer = {"StepId": step_id, "Status": "SUBMITTED"}
            if not self._clusters.cancel(cluster, step_id):
                answer |= {"Status": "FAILED", "Reason": "The step is over already"}
            answers.append(answer)
        return {"CancelStepsInfoList": answers}

    def describe_cluster(self, body: Plain) -> Plain:
        return {"Cluster": describe_cluster(self._cluster(body.get("ClusterId")))}

    def describe_step(self, body: Plain) -> Plain:
        cluster = self._cluster(body.get("ClusterId"))
        return {"Step": describe_step(self._step(cluster, body.get("StepId")))}

    def list_clusters(self, body: Plain) -> Plain:
        states = body.get("ClusterStates") or list(ClusterState)
        after, before = body.get("CreatedAfter", 0), body.get("CreatedBefore", float("inf"))
        found = [
            summarise_cluster(cluster)
            for cluster in self._clusters.newest_first()
            if cluster.state in states and after <= cluster.created <= before
        ]
        return _page("Clusters", found, body.get("Marker"))

    def list_steps(self, body: Plain) -> Plain:
        cluster = self._cluster(body.get("ClusterId"))
        states, ids = body.get("StepStates") or list(StepState), body.get("StepIds")
        found = [
            describe_step(step)
            for step in reversed(cluster.steps)
            if step.state in states and (not ids or step.id in ids)
        ]
        return _page("Steps", found, body.get("Marker"))

    def terminate_job_flows(self, body: Plain) -> Plain:
        for cluster in [self._cluster(cluster_id) for cluster_id in body.get("JobFlowIds") or []]:
            self._clusters.terminate(cluster)
        return {}

    def _cluster(self, cluster_id: str | None) -> Cluster:
        cluster = self._clusters.get(cluster_id or "")
        if cluster is None:
            raise InvalidRequestError(f"Cluster id '{cluster_id}' is not valid.")
        return cluster

    @staticmethod
    def _step(cluster: Cluster, step_id: str | None) -> Step:
        for step in cluster.steps:
            if step.id == step_id:
                return step
        raise InvalidRequestError(f"Step id '{step_id}' is not valid.")


def check_cluster(body: Plain) -> None:
    """Refuse what EMR would refuse, and what only this one cannot do."""
    instances = body.get("Instances") or {}
    if not _RELEASE.fullmatch(body.get("ReleaseLabel") or ""):
        raise ValidationError(f"The supplied release label is invalid: {body.get('ReleaseLabel')}.")
    if not body.get("JobFlowRole"):
        raise ValidationError("InstanceProfile is required for creating cluster.")
    if not body.get("ServiceRole"):
        raise ValidationError("ServiceRole is required for creating cluster.")
    if not ({"InstanceGroups", "InstanceFleets", "MasterInstanceType"} & instances.keys()):
        raise ValidationError("Instances: groups, fleets or a master's instance type are needed.")
    if "Spark" not in {application.get("Name") for application in body.get("Applications") or []}:
        raise ValidationError("Applications: the local EMR is there for Spark, and Spark is not among them.")
    if body.get("LogUri") and not body["LogUri"].startswith(("s3://", "s3n://")):
        raise ValidationError(f"LogUri {body['LogUri']} is no place in S3.")
    idle = (body.get("AutoTerminationPolicy") or {}).get("IdleTimeout")
    if idle is not None and idle not in IDLE_SECONDS:
        raise ValidationError(f"IdleTimeout {idle} is not between {IDLE_SECONDS[0]} and {IDLE_SECONDS[-1]}.")
    if body.get("StepConcurrencyLevel", 1) != 1 or instances.get("TerminationProtected"):
        raise ValidationError("The local EMR runs one step at a time and protects no cluster.")
    if len(body.get("Steps") or []) > STEPS_MOST:
        raise ValidationError(f"Maximum number of active steps ({STEPS_MOST}) for cluster exceeded.")


def read_steps(plain: list[Plain]) -> list[Step]:
    return [_read_step(place, step) for place, step in enumerate(plain, 1)]


def _read_step(place: int, plain: Plain) -> Step:
    jar_step = plain.get("HadoopJarStep") or {}
    if not plain.get("Name") or not jar_step.get("Jar"):
        raise ValidationError(f"Step {place} needs a Name and a HadoopJarStep with a Jar.")
    action = plain.get("ActionOnFailure", OnFailure.TERMINATE_CLUSTER)
    if action not in list(OnFailure):
        raise ValidationError(
            f"1 validation error detected: Value '{action}' at 'steps.{place}.member.actionOnFailure' "
            f"failed to satisfy constraint: Member must satisfy enum value set: [{', '.join(OnFailure)}]"
        )
    return Step(
        id=new_id("s-"),
        name=plain["Name"],
        on_failure=OnFailure(action),
        jar=jar_step["Jar"],
        arguments=list(jar_step.get("Args") or []),
        properties={pair["Key"]: pair.get("Value", "") for pair in jar_step.get("Properties") or []},
        created=time.time(),
    )


def summarise_cluster(cluster: Cluster) -> Plain:
    reason = {"Code": cluster.reason_code, "Message": cluster.reason} if cluster.reason_code else {}
    return {
        "Id": cluster.id,
        "Name": cluster.name,
        "Status": {
            "State": cluster.state.value,
            "StateChangeReason": reason,
            "Timeline": _timeline(
                CreationDateTime=cluster.created, ReadyDateTime=cluster.ready, EndDateTime=cluster.ended
            ),
        },
        "NormalizedInstanceHours": 0,
        "ClusterArn": _ARN + cluster.id,
    }


def describe_cluster(cluster: Cluster) -> Plain:
    request = cluster.request
    as_sent = ("LogUri", "ReleaseLabel", "Applications", "Configurations", "ServiceRole", "Tags")
    return summarise_cluster(cluster) | {
        **{key: request[key] for key in as_sent if key in request},
        "AutoTerminate": not cluster.stays,
        "TerminationProtected": False,
        "VisibleToAllUsers": True,
        "Ec2InstanceAttributes": {"IamInstanceProfile": request["JobFlowRole"]},
        "InstanceCollectionType": "INSTANCE_FLEET"
        if "InstanceFleets" in request["Instances"]
        else "INSTANCE_GROUP",
        "MasterPublicDnsName": "localhost",
        "StepConcurrencyLevel": 1,
    }


def describe_step(step: Step) -> Plain:
    status: Plain = {
        "State": step.state.value,
        "StateChangeReason": {"Message": step.reason} if step.reason else {},
        "Timeline": _timeline(
            CreationDateTime=step.created, StartDateTime=step.started, EndDateTime=step.ended
        ),
    }
    return {
        "Id": step.id,
        "Name": step.name,
        "Config": {"Jar": step.jar, "Args": step.arguments, "Properties": step.properties},
        "ActionOnFailure": step.on_failure.value,
        "Status": status | ({"FailureDetails": step.failure} if step.failure else {}),
    }


def _timeline(**times: float | None) -> Mapping[str, float]:
    return {name: at for name, at in times.items() if at is not None}


def _page(name: str, found: list[Plain], marker: str | None) -> Plain:
    """A marker is the id of the last one listed: what is new since then comes before it."""
    first = 0
    if marker:
        ids = [one["Id"] for one in found]
        if marker not in ids:
            raise InvalidRequestError(f"Marker '{marker}' is not valid.")
        first = ids.index(marker) + 1
    page = found[first : first + PAGE]
    more = len(found) > first + PAGE
    return {name: page} | ({"Marker": page[-1]["Id"]} if more else {})
