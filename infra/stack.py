"""The deployed stack: what its things are called, read from CloudFormation's outputs."""

from dataclasses import MISSING, dataclass, fields
from typing import Any

from infra.clients import client
from infra.problem import ProblemError

DEFAULT_NAME = "cadabra"


@dataclass(frozen=True)
class Stack:
    name: str
    bucket: str
    artifacts: str
    table: str
    stream: str
    start_retrain: str
    publish_dead_letters: str
    lookup_url: str
    emr_service_role: str
    emr_node_profile: str
    emr_release: str
    subnet: str = ""  # of the clusters; empty takes one of the default VPC

    @classmethod
    def of(cls, described: dict[str, Any]) -> "Stack":
        outputs = {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", ())}
        needed = {field.name for field in fields(cls) if field.default is MISSING}
        names = {field.name: field.name.title().replace("_", "") for field in fields(cls)}
        del names["name"]
        missing = [names[field] for field in names if field in needed and names[field] not in outputs]
        if missing:
            name, status = described["StackName"], described.get("StackStatus")
            raise ProblemError(f"stack {name} ({status}) has no output {', '.join(missing)}: deploy it again")
        there = {field: outputs[output] for field, output in names.items() if output in outputs}
        return cls(described["StackName"], **there)


def find(name: str = DEFAULT_NAME) -> Stack:
    cloudformation = client("cloudformation")
    try:
        described = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except cloudformation.exceptions.ClientError as error:
        if "does not exist" in str(error):
            raise ProblemError(f"there is no stack {name} here; `cadabra up` deploys it") from error
        raise
    return Stack.of(described)
