"""A bucket that outlived its stack becomes part of the new one: S3 is the truth, all else is made anew.

The template keeps the bucket when the stack goes; CloudFormation refuses to create one that exists, but can
import it into a new stack that holds nothing else yet.
"""

import json

from botocore.exceptions import ClientError, WaiterError

from infra.clients import client
from infra.deployment.references import Place
from infra.problem import ProblemError

_WAIT = {"Delay": 1, "MaxAttempts": 600}


def bucket_name(stack: str, place: Place) -> str:
    """As the template names it."""
    return f"{stack}-{place.account}-{place.region}"


def bucket_exists(bucket: str) -> bool:
    try:
        client("s3").head_bucket(Bucket=bucket)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if status == 404:  # noqa: PLR2004 (HTTP's own number)
            return False
        raise ProblemError(
            f"bucket {bucket} cannot be looked at ({status}): is it somebody else's?"
        ) from error
    return True


def import_bucket(stack: str, bucket: str) -> None:
    """A new stack of this bucket alone; the update with the whole template follows."""
    cloudformation = client("cloudformation")
    alone = {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain", "Properties": {"BucketName": bucket}}
    change_set = cloudformation.create_change_set(
        StackName=stack,
        ChangeSetName="import-bucket",
        ChangeSetType="IMPORT",
        TemplateBody=json.dumps({"Resources": {"Bucket": alone}}),
        ResourcesToImport=[
            {
                "ResourceType": "AWS::S3::Bucket",
                "LogicalResourceId": "Bucket",
                "ResourceIdentifier": {"BucketName": bucket},
            }
        ],
    )["Id"]
    try:
        cloudformation.get_waiter("change_set_create_complete").wait(
            ChangeSetName=change_set, WaiterConfig=_WAIT
        )
        cloudformation.execute_change_set(ChangeSetName=change_set)
        cloudformation.get_waiter("stack_import_complete").wait(StackName=stack, WaiterConfig=_WAIT)
    except WaiterError as error:
        reason = error.last_response.get("StatusReason", error)
        raise ProblemError(
            f"bucket {bucket} is there, and cannot be taken into a new stack {stack}: {reason}. "
            "If another stack holds it, deploy that one"
        ) from error
