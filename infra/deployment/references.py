"""What the template's references stand for in one stack: Ref, Sub, GetAtt, If and the conditions.

CloudFormation resolves them for itself and tells nobody; who asks a service for a resource needs them too.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from infra.deployment.template import Template

_NAME_IN_SUB = re.compile(r"\$\{([^!}][^}]*)\}")
_NOTHING = object()  # AWS::NoValue

# The ARN of a resource, from its physical id. What is not here has its ARN, or its name, as its id.
_ARNS = {
    "AWS::CloudWatch::Alarm": "arn:{partition}:cloudwatch:{region}:{account}:alarm:{id}",
    "AWS::DynamoDB::Table": "arn:{partition}:dynamodb:{region}:{account}:table/{id}",
    "AWS::Events::Rule": "arn:{partition}:events:{region}:{account}:rule/{id}",
    "AWS::IAM::Role": "arn:{partition}:iam::{account}:role/{id}",
    "AWS::Kinesis::Stream": "arn:{partition}:kinesis:{region}:{account}:stream/{id}",
    "AWS::KinesisFirehose::DeliveryStream": "arn:{partition}:firehose:{region}:{account}:deliverystream/{id}",
    "AWS::Lambda::Function": "arn:{partition}:lambda:{region}:{account}:function:{id}",
    "AWS::Logs::LogGroup": "arn:{partition}:logs:{region}:{account}:log-group:{id}:*",
    "AWS::S3::Bucket": "arn:{partition}:s3:::{id}",
    "AWS::SQS::Queue": "arn:{partition}:sqs:{region}:{account}:{id}",  # of its name: the id is a URL
}


class UnresolvedError(LookupError):
    """The template says something that only CloudFormation can resolve."""


@dataclass(frozen=True)
class Place:
    """Whose account, and where."""

    account: str
    region: str
    partition: str = "aws"


@dataclass(frozen=True)
class References:
    template: Template
    stack: str
    place: Place
    parameters: Mapping[str, str]
    ids: Mapping[str, str]  # a resource's physical id by its logical one

    def resolve(self, value: Any) -> Any:
        """The value with every reference in it replaced; what is AWS::NoValue is left out."""
        if isinstance(value, list):
            return [each for each in map(self.resolve, value) if each is not _NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1 and (name := next(iter(value))) in self._functions:
            return self._functions[name](self, value[name])
        resolved = {key: self.resolve(each) for key, each in value.items()}
        return {key: each for key, each in resolved.items() if each is not _NOTHING}

    def holds(self, condition: str) -> bool:
        return bool(self.resolve(self.template.conditions[condition]))

    def ref(self, name: str) -> Any:
        known = {
            **self.parameters,
            **self.ids,
            "AWS::AccountId": self.place.account,
            "AWS::Region": self.place.region,
            "AWS::Partition": self.place.partition,
            "AWS::StackName": self.stack,
            "AWS::NoValue": _NOTHING,
        }
        if name not in known:
            raise UnresolvedError(f"!Ref {name} stands for nothing in stack {self.stack}")
        return known[name]

    def attribute(self, path: list[str]) -> str:
        name, attribute = path
        kind, own = self.template.resources[name]["Type"], str(self.ref(name))
        last = own.rpartition("/")[2] if kind == "AWS::SQS::Queue" else own
        if attribute == "Arn" and kind in _ARNS:
            return _ARNS[kind].format(
                id=last, account=self.place.account, region=self.place.region, partition=self.place.partition
            )
        if attribute in {"Arn", "QueueName", "TopicName"}:
            return last.rpartition(":")[2] if attribute == "TopicName" else last
        raise UnresolvedError(f"!GetAtt {name}.{attribute} is known to CloudFormation alone")

    def _sub(self, said: str | list[Any]) -> str:
        text, own = (said, {}) if isinstance(said, str) else said

        def replaced(match: re.Match[str]) -> str:
            name, _, attribute = match.group(1).partition(".")
            if name in own:
                return str(self.resolve(own[name]))
            return self.attribute([name, attribute]) if attribute else str(self.ref(name))

        return _NAME_IN_SUB.sub(replaced, text).replace("${!", "${")

    def _if(self, parts: list[Any]) -> Any:
        condition, yes, no = parts
        return self.resolve(yes if self.holds(condition) else no)

    def _equals(self, parts: list[Any]) -> bool:
        first, second = map(self.resolve, parts)
        return str(first) == str(second)

    _functions: ClassVar[dict[str, Callable[..., Any]]] = {
        "Ref": ref,
        "Fn::Sub": _sub,
        "Fn::GetAtt": attribute,
        "Fn::If": _if,
        "Fn::Equals": _equals,
        "Fn::Not": lambda self, parts: not self.resolve(parts[0]),
        "Fn::And": lambda self, parts: all(map(self.resolve, parts)),
        "Fn::Or": lambda self, parts: any(map(self.resolve, parts)),
        "Fn::Join": lambda self, parts: parts[0].join(map(str, self.resolve(parts[1]))),
        "Condition": holds,
    }
