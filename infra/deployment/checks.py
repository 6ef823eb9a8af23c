"""How to ask each service whether a resource of the template is there, and works: one check for each type.

A check answers with what is wrong, in a few words; with nothing where nothing is. What is not there at all is
the service's own error.
"""

import base64
import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from infra.clients import client
from infra.deployment.resources import Resource

Check = Callable[[Resource], str]
_ABSENT = ("NotFound", "NoSuch", "NonExistent", "DoesNotExist", "404")


def absent(error: ClientError) -> bool:
    """Whether the service says that there is no such thing."""
    return any(word in error.response["Error"]["Code"] for word in _ABSENT)


def _active(state: str, wanted: str = "ACTIVE") -> str:
    return "" if state == wanted else f"is {state}"


def _bucket(bucket: Resource) -> str:
    s3 = client("s3")
    s3.head_bucket(Bucket=bucket.id)
    wanted = (bucket.get("NotificationConfiguration") or {}).get("QueueConfigurations", [])
    told = s3.get_bucket_notification_configuration(Bucket=bucket.id).get("QueueConfigurations", [])
    return "" if len(told) == len(wanted) else f"tells of {len(told)} of {len(wanted)} kinds of objects"


def _bucket_policy(policy: Resource) -> str:
    client("s3").get_bucket_policy(Bucket=policy.get("Bucket"))
    return ""


def _delivery_stream(stream: Resource) -> str:
    described = client("firehose").describe_delivery_stream(DeliveryStreamName=stream.id)
    return _active(described["DeliveryStreamDescription"]["DeliveryStreamStatus"])


def _stream(stream: Resource) -> str:
    described = client("kinesis").describe_stream_summary(StreamName=stream.id)
    return _active(described["StreamDescriptionSummary"]["StreamStatus"])


def _database(database: Resource) -> str:
    client("glue").get_database(Name=database.id)
    return ""


def _table(table: Resource) -> str:
    return _active(client("dynamodb").describe_table(TableName=table.id)["Table"]["TableStatus"])


def _function(function: Resource) -> str:
    """Its code is that of the key, which carries the zip's digest: an emulator may have made it without."""
    code = client("lambda").get_function(FunctionName=function.id)["Configuration"]["CodeSha256"]
    key = function.get("Code")["S3Key"]
    has = base64.b64decode(code or "").hex()
    return "" if has and has[:16] in key else f"does not have the code of {key}"


def _function_url(url: Resource) -> str:
    found = client("lambda").get_function_url_config(FunctionName=url.get("TargetFunctionArn"))
    return "" if found["AuthType"] == url.get("AuthType") else f"asks for {found['AuthType']}"


def _permission(permission: Resource) -> str:
    policy = json.loads(client("lambda").get_policy(FunctionName=permission.get("FunctionName"))["Policy"])
    granted = [statement["Sid"] for statement in policy["Statement"]]
    return "" if permission.id in granted else "is not among the function's permissions"


def _event_source(mapping: Resource) -> str:
    return _active(client("lambda").get_event_source_mapping(UUID=mapping.id)["State"], "Enabled")


def _invoke_config(config: Resource) -> str:
    asked = {"FunctionName": config.get("FunctionName"), "Qualifier": config.get("Qualifier")}
    client("lambda").get_function_event_invoke_config(**asked)
    return ""


def _rule(rule: Resource) -> str:
    events = client("events")
    state = events.describe_rule(Name=rule.id)["State"]
    targets = events.list_targets_by_rule(Rule=rule.id)["Targets"]
    wanted = len(rule.get("Targets") or [])
    return _active(state, rule.get("State") or "ENABLED") or (
        "" if len(targets) == wanted else f"has {len(targets)} of {wanted} targets"
    )


def _queue(queue: Resource) -> str:
    client("sqs").get_queue_attributes(QueueUrl=queue.id, AttributeNames=["QueueArn"])
    return ""


def _queue_policy(policy: Resource) -> str:
    sqs = client("sqs")
    asked = (
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]) for url in policy.get("Queues")
    )
    return "" if all("Policy" in each.get("Attributes", {}) for each in asked) else "is on no queue"


def _topic(topic: Resource) -> str:
    client("sns").get_topic_attributes(TopicArn=topic.id)
    return ""


def _topic_policy(policy: Resource) -> str:
    sns = client("sns")
    asked = (sns.get_topic_attributes(TopicArn=topic)["Attributes"] for topic in policy.get("Topics"))
    return "" if all(each.get("Policy") for each in asked) else "is on no topic"


def _subscription(subscription: Resource) -> str:
    pages = client("sns").get_paginator("list_subscriptions_by_topic")
    found = [
        each
        for page in pages.paginate(TopicArn=subscription.get("TopicArn"))
        for each in page["Subscriptions"]
        if each["Endpoint"] == subscription.get("Endpoint")
    ]
    return "" if found else "is not among the topic's subscriptions"


def _alarm(alarm: Resource) -> str:
    kinds = ["MetricAlarm", "CompositeAlarm"]
    found = client("cloudwatch").describe_alarms(AlarmNames=[alarm.id], AlarmTypes=kinds)
    return "" if found["MetricAlarms"] or found.get("CompositeAlarms") else "is not there"


def _dashboard(dashboard: Resource) -> str:
    client("cloudwatch").get_dashboard(DashboardName=dashboard.id)
    return ""


def _key(key: Resource) -> str:
    return _active(client("kms").describe_key(KeyId=key.id)["KeyMetadata"]["KeyState"], "Enabled")


def _log_group(group: Resource) -> str:
    found = client("logs").describe_log_groups(logGroupNamePrefix=group.id)["logGroups"]
    return "" if group.id in {each["logGroupName"] for each in found} else "is not there"


def _log_stream(stream: Resource) -> str:
    asked = {"logGroupName": stream.get("LogGroupName"), "logStreamNamePrefix": stream.get("LogStreamName")}
    return "" if client("logs").describe_log_streams(**asked)["logStreams"] else "is not there"


def _metric_filter(wanted: Resource) -> str:
    group = wanted.get("LogGroupName")
    found = client("logs").describe_metric_filters(logGroupName=group, filterNamePrefix=wanted.id)
    return "" if found["metricFilters"] else "is not there"


def _role(role: Resource) -> str:
    iam: Any = client("iam")
    iam.get_role(RoleName=role.id)
    wanted = {each["PolicyName"] for each in role.properties.get("Policies", ()) if "PolicyName" in each}
    missing = wanted - set(iam.list_role_policies(RoleName=role.id)["PolicyNames"])
    return f"lacks its policy {', '.join(sorted(missing))}" if missing else ""


def _managed_policy(policy: Resource) -> str:
    client("iam").get_policy(PolicyArn=policy.id)
    return ""


def _instance_profile(profile: Resource) -> str:
    name = profile.id.rpartition("/")[2]  # an emulator has its ARN as its id
    found = client("iam").get_instance_profile(InstanceProfileName=name)
    return "" if found["InstanceProfile"]["Roles"] else "has no role"


CHECKS: dict[str, Check] = {
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::CloudWatch::CompositeAlarm": _alarm,
    "AWS::CloudWatch::Dashboard": _dashboard,
    "AWS::DynamoDB::Table": _table,
    "AWS::Events::Rule": _rule,
    "AWS::Glue::Database": _database,
    "AWS::IAM::InstanceProfile": _instance_profile,
    "AWS::IAM::ManagedPolicy": _managed_policy,
    "AWS::IAM::Role": _role,
    "AWS::KMS::Key": _key,
    "AWS::Kinesis::Stream": _stream,
    "AWS::KinesisFirehose::DeliveryStream": _delivery_stream,
    "AWS::Lambda::EventInvokeConfig": _invoke_config,
    "AWS::Lambda::EventSourceMapping": _event_source,
    "AWS::Lambda::Function": _function,
    "AWS::Lambda::Permission": _permission,
    "AWS::Lambda::Url": _function_url,
    "AWS::Logs::LogGroup": _log_group,
    "AWS::Logs::LogStream": _log_stream,
    "AWS::Logs::MetricFilter": _metric_filter,
    "AWS::S3::Bucket": _bucket,
    "AWS::S3::BucketPolicy": _bucket_policy,
    "AWS::SNS::Subscription": _subscription,
    "AWS::SNS::Topic": _topic,
    "AWS::SNS::TopicPolicy": _topic_policy,
    "AWS::SQS::Queue": _queue,
    "AWS::SQS::QueuePolicy": _queue_policy,
}
