"""LocalStack has what deploy put there: asked with LocalStack's own client, and seen at work."""

import json
import time

import localstack_client.session
import pytest

from contracts import s3_layout
from infra.deployment import template
from infra.local import emr_events
from infra.local.emr_records import Cluster, OnFailure, Step, StepState
from tests.localstack.deployment import WANT_DOCKER, deployed

WAIT_SECONDS = 30


@pytest.fixture(scope="module")
def aws(stack):  # noqa: ARG001 (deployed first)
    """AWS as LocalStack's client makes it from AWS_ENDPOINT_URL."""
    return localstack_client.session.Session(region_name="us-east-1")


def next_message(sqs, url, wanted):
    """The queue's next message with this in it; those before it are taken out."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", ()):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            if wanted in (body := json.loads(message["Body"])):
                return body[wanted]
    raise AssertionError(f"no message with {wanted} in {url}")


def test_each_resource_of_the_template_is_there_but_dockers(said, stack):
    resources = [made for made in template.read().resources.values() if "Condition" not in made]
    wanted = [made for made in resources if not made["Type"].startswith(WANT_DOCKER)]
    assert f"asked for each of its {len(wanted)} resources: all are there" in said
    assert stack.bucket == "cadabra-000000000000-us-east-1"


def test_what_localstack_drops_is_set_by_api(said, aws, stack):
    assert "set by API, because the emulator drops it: the lifecycle of Bucket" in said
    rules = aws.client("s3").get_bucket_lifecycle_configuration(Bucket=stack.bucket)["Rules"]
    assert {rule["Status"] for rule in rules} == {"Enabled"}


def test_what_localstack_only_claims_is_made_by_api(aws, stack):
    listed = aws.client("cloudformation").describe_stack_resources(StackName=stack.name)["StackResources"]
    claimed = {each["ResourceType"]: each for each in listed if each["PhysicalResourceId"] == "unknown"}
    assert set(claimed) == {"AWS::Glue::Database", "AWS::CloudWatch::Dashboard"}
    assert {each["ResourceStatus"] for each in claimed.values()} == {"CREATE_COMPLETE"}
    dashboards = aws.client("cloudwatch").list_dashboards()["DashboardEntries"]
    assert [dashboard["DashboardName"] for dashboard in dashboards] == ["cadabra"]


def test_deployed_again_nothing_changes(stack):
    said = []
    assert deployed(said.append) == stack
    assert "stack cadabra: as it should be already" in said


def test_a_part_that_lands_in_the_bucket_is_told_to_publish_and_nothing_else_is(aws, stack):
    part = s3_layout.Part(7, 1, 1).key
    for key in (s3_layout.opened_key(7), part):
        aws.client("s3").put_object(Bucket=stack.bucket, Key=key, Body=b"")
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName="cadabra-publish")["QueueUrl"]
    (told,) = next_message(sqs, url, "Records")
    assert (told["s3"]["bucket"]["name"], told["s3"]["object"]["key"]) == (stack.bucket, part)
    for key in (s3_layout.opened_key(7), part):
        aws.client("s3").delete_object(Bucket=stack.bucket, Key=key)


def test_a_failed_step_ends_in_a_notice_that_names_it(aws, stack):
    sqs, sns = aws.client("sqs"), aws.client("sns")
    url = sqs.create_queue(QueueName="someone-who-listens")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    (topic,) = [each["TopicArn"] for each in sns.list_topics()["Topics"] if stack.name in each["TopicArn"]]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    step = Step("s-1", "ingest", OnFailure.TERMINATE_CLUSTER, "", [], {}, time.time(), state=StepState.FAILED)
    cluster = Cluster("j-1", {"Name": f"{stack.name}-retrain-7"}, time.time(), steps=[step])
    aws.client("events").put_events(Entries=[emr_events.step_event(cluster, step, time.time())])
    assert f"{stack.name}: ingest has FAILED" in next_message(sqs, url, "Message")


def test_the_hourly_rule_wakes_start_retrain(aws, stack):
    events = aws.client("events")
    rule = events.describe_rule(Name=f"{stack.name}-every-hour")
    assert (rule["ScheduleExpression"], rule["State"]) == ("cron(20 * * * ? *)", "ENABLED")
    (target,) = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
    assert target["Arn"].endswith(":function:cadabra-start-retrain")
