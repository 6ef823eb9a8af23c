"""A bucket that outlived its stack becomes part of the new one: S3 is the truth, all else is made anew.

The template keeps the bucket when the stack goes; CloudFormation refuses to create one that exists, but can
import it into a new stack that holds nothing else yet.
"""

import json

from infra.clients import client
from infra.problem import ProblemError


def bucket_name(stack: str) -> str:
    """As the template names it."""
    account = client("sts").get_caller_identity()["Account"]
    return f"{stack}-{account}-{client('s3').meta.region_name}"


def bucket_exists(bucket: str) -> bool:
    s3 = client("s3")
    try:
        s3.head_bucket(Bucket=bucket)
    except s3.exceptions.ClientError as error:
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
    cloudformation.get_waiter("change_set_create_complete").wait(ChangeSetName=change_set)
    cloudformation.execute_change_set(ChangeSetName=change_set)
    cloudformation.get_waiter("stack_import_complete").wait(StackName=stack)
