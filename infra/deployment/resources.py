"""The resources of a deployed stack: what the template says of each, and under which id it really stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from infra.clients import client
from infra.deployment.references import Place, References
from infra.deployment.template import Template

# Under which property the template says what a resource is called.
NAMED_BY = {
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Events::Rule": "Name",
    "AWS::Kinesis::Stream": "Name",
    "AWS::KinesisFirehose::DeliveryStream": "DeliveryStreamName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
}


@dataclass(frozen=True)
class Resource:
    name: str  # its logical id
    type: str
    id: str  # its physical one
    properties: Mapping[str, Any]
    references: References

    def get(self, name: str) -> Any:
        """A property with its references resolved; None where the template does not have it."""
        wanted = {name: self.properties[name]} if name in self.properties else {}
        return self.references.resolve(wanted).get(name)  # also None where it is AWS::NoValue


def place() -> Place:
    """Whose account this process speaks to, and where."""
    caller = client("sts").get_caller_identity()
    return Place(caller["Account"], client("s3").meta.region_name, caller["Arn"].split(":")[1])


def of_stack(stack: str, template: Template) -> tuple[list[Resource], list[Resource]]:
    """What CloudFormation lists; and what the template has and the list has not."""
    cloudformation = client("cloudformation")
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    ids = {
        each["LogicalResourceId"]: each["PhysicalResourceId"]
        for page in pages
        for each in page["StackResourceSummaries"]
        if each.get("PhysicalResourceId") and each["ResourceStatus"] != "DELETE_COMPLETE"
    }
    references = References(template, stack, place(), parameters(stack), ids)
    wanted = [
        name
        for name, made in template.resources.items()
        if "Condition" not in made or references.holds(made["Condition"])
    ]
    standing = [_resource(name, ids[name], references) for name in wanted if name in ids]
    return standing, [_resource(name, "", references) for name in wanted if name not in ids]


def by_name(stack: str, template: Template, at: Place) -> list[Resource]:
    """What would stand in this account under names of the template's own, whether the stack is there or not.

    The parameters are those of the stack if it is there, or else their defaults.
    """
    defaults = {name: str(made.get("Default", "")) for name, made in template.parameters.items()}
    references = References(template, stack, at, defaults | parameters(stack), {})
    return [
        _resource(name, references.resolve(made["Properties"][named]), references)
        for name, made in template.resources.items()
        if (named := NAMED_BY.get(made["Type"])) and named in made["Properties"]
    ]


def parameters(stack: str) -> dict[str, str]:
    """Those that the stack was made with; none where there is no stack."""
    try:
        described = client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return {}
        raise
    return {each["ParameterKey"]: each["ParameterValue"] for each in described.get("Parameters", ())}


def _resource(name: str, physical: str, references: References) -> Resource:
    made = references.template.resources[name]
    return Resource(name, made["Type"], physical, made.get("Properties", {}), references)
