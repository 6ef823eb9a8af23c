"""Artifacts, template and EMR request into a target; afterwards each service is asked for its things.

`up` calls it for the emulated targets. It may be run again at any time: what is right stays.
"""

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from string import Template
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from contracts.s3_layout import EMR_REQUEST
from infra import adopt, package, verify
from infra.clients import client
from infra.local import delivery_stream
from infra.package import Artifact
from infra.problem import ProblemError
from infra.stack import DEFAULT_NAME, Stack
from infra.stack import find as find_stack
from infra.target import Target

FOLDER = Path(__file__).resolve().parent
_WAIT = {"Delay": 1, "MaxAttempts": 900}
_NO_CHANGE = ("didn't contain changes", "No updates are to be performed")


def deploy(target: Target, say: Callable[[str], None], name: str = DEFAULT_NAME) -> Stack:
    bucket = artifacts_bucket(name)
    built = package.artifacts()
    put_artifacts(bucket, built)
    say(f"{len(built)} artifacts in s3://{bucket}")
    parameters = target.parameters | {
        "Artifacts": bucket,
        "PublishCode": built["publish"].key,
        "LookupCode": built["lookup"].key,
        "StartRetrainCode": built["start_retrain"].key,
    }
    orders = adopt.bucket_name(name)
    if not exists(name) and adopt.bucket_exists(orders):
        adopt.import_bucket(name, orders)
        say(f"bucket {orders} outlived its stack and is taken into the new one")
    changed = apply(name, (FOLDER / "template.yaml").read_text(), parameters)
    stack = find_stack(name)
    say(f"stack {name}: {changed}")
    if target.own_firehose:
        delivery_stream.copy(stack.stream)
    put_request(target, stack, built)
    for line in verify.everything(stack):
        say(line)
    return stack


def artifacts_bucket(name: str) -> str:
    """The bucket the template's code comes from; it has to be there before the template."""
    account = client("sts").get_caller_identity()["Account"]
    s3 = client("s3")
    region = s3.meta.region_name
    bucket = f"{name}-artifacts-{account}-{region}"
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    try:
        s3.create_bucket(Bucket=bucket, **where)
    except s3.exceptions.BucketAlreadyOwnedByYou:
        return bucket
    s3.put_public_access_block(
        Bucket=bucket,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )
    return bucket


def put_artifacts(bucket: str, built: dict[str, Artifact]) -> None:
    for artifact in built.values():
        client("s3").put_object(Bucket=bucket, Key=artifact.key, Body=artifact.content)


def apply(name: str, template: str, parameters: dict[str, str]) -> str:
    """Create or update the stack through a change set; the answer says what changed."""
    cloudformation = client("cloudformation")
    kind = "UPDATE" if exists(name) else "CREATE"
    change_set = cloudformation.create_change_set(
        StackName=name,
        ChangeSetName=f"deploy-{uuid.uuid4().hex}",
        ChangeSetType=kind,
        TemplateBody=template,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Tags=[{"Key": "application", "Value": name}],
    )["Id"]
    changes = _planned(cloudformation, change_set)
    if not changes:
        cloudformation.delete_change_set(ChangeSetName=change_set)
        return "as it should be already"
    cloudformation.execute_change_set(ChangeSetName=change_set)
    try:
        cloudformation.get_waiter(f"stack_{kind.lower()}_complete").wait(StackName=name, WaiterConfig=_WAIT)
    except WaiterError as error:
        raise ProblemError(f"stack {name} failed: {_first_failure(cloudformation, name) or error}") from error
    return f"{len(changes)} resources {'created' if kind == 'CREATE' else 'changed'}"


def exists(name: str) -> bool:
    try:
        described = client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return False
        raise
    return bool(described["StackStatus"] != "REVIEW_IN_PROGRESS")


def _planned(cloudformation: Any, change_set: str) -> list[dict[str, Any]]:
    try:
        cloudformation.get_waiter("change_set_create_complete").wait(
            ChangeSetName=change_set, WaiterConfig=_WAIT
        )
    except WaiterError as error:
        reason = str(error.last_response.get("StatusReason", error))
        if any(words in reason for words in _NO_CHANGE):
            return []
        raise ProblemError(f"CloudFormation refuses the template: {reason}") from error
    changes: list[dict[str, Any]] = cloudformation.describe_change_set(ChangeSetName=change_set)["Changes"]
    return changes


def _first_failure(cloudformation: Any, name: str) -> str:
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED")]
    return f"{failed[-1]['LogicalResourceId']}: {failed[-1].get('ResourceStatusReason')}" if failed else ""


def put_request(target: Target, stack: Stack, built: dict[str, Artifact]) -> None:
    """The EMR request with every placeholder resolved but the run's own, where start_retrain reads it."""
    text = Template((FOLDER / "emr_retrain.json").read_text()).substitute(
        Stack=stack.name,
        EmrRelease=stack.emr_release,
        EmrServiceRole=stack.emr_service_role,
        EmrNodeProfile=stack.emr_node_profile,
        EmrCode=package.emr_folder(built),
        Bucket=stack.bucket,
        Artifacts=stack.artifacts,
        Table=stack.table,
        PathStyle=json.dumps(target.path_style),
    )
    client("s3").put_object(Bucket=stack.artifacts, Key=EMR_REQUEST, Body=text.encode())
