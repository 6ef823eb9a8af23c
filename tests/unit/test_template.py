"""What no linter asks of the template: the hour, the tags, the logs, and that it agrees with the code."""

import json
import re
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from contracts import s3_layout
from infra.checks import one_account
from infra.deployment import template
from infra.local import spark_jars

PROJECT = Path(__file__).resolve().parents[2]
TEMPLATE = template.read()
KNOWN = one_account.references(TEMPLATE)
RESOURCES = one_account.resources(TEMPLATE, OrdersSource="kinesis", Mail="shop@example.com")
REQUEST = json.loads((PROJECT / "infra" / "emr_retrain.json").read_text())
COST_TAG = {"Key": "application", "Value": one_account.STACK}
LONGEST_BODY = 51_200  # what CloudFormation takes without a bucket for templates


def of_type(kind):
    return {name: one["Properties"] for name, one in RESOURCES.items() if one["Type"] == kind}


def takes_tags(kind):
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    return "Tags" in schema["properties"]


def fires(expression, moment):
    """Whether EventBridge's cron, of six fields that are `*`, `?` or a number, fires in this minute."""
    minute, hour, day, month, weekday, year = re.fullmatch(r"cron\((.+)\)", expression)[1].split()
    assert [day, weekday].count("?") == 1, "EventBridge wants exactly one of day and weekday as `?`"
    now = (moment.minute, moment.hour, moment.day, moment.month, moment.isoweekday() % 7 + 1, moment.year)
    fields = (minute, hour, day, month, weekday, year)
    return all(field in {"*", "?", str(value)} for field, value in zip(fields, now, strict=True))


def test_it_is_short_enough_to_be_sent_as_it_is():
    assert len(TEMPLATE.text.encode()) < LONGEST_BODY


def test_the_rule_fires_at_twenty_past_each_hour():
    rule = RESOURCES["EveryHour"]["Properties"]
    minutes = [datetime(2026, 11, 20) + timedelta(minutes=n) for n in range(2 * 24 * 60)]  # noqa: DTZ001 (EventBridge's cron is in UTC)
    fired = [moment for moment in minutes if fires(rule["ScheduleExpression"], moment)]
    assert [(moment.hour, moment.minute) for moment in fired] == [(hour, 20) for hour in range(24)] * 2


def test_the_hour_starts_a_retrain_and_may():
    (target,) = RESOURCES["EveryHour"]["Properties"]["Targets"]
    assert target["Arn"] == KNOWN.attribute(["StartRetrain", "Arn"])
    permission = RESOURCES["EveryHourMayStart"]["Properties"]
    assert permission["SourceArn"] == KNOWN.attribute(["EveryHour", "Arn"])
    assert permission["FunctionName"] == KNOWN.ref("StartRetrain")


@pytest.mark.parametrize("label", ["emr-spark-8.1.0", "emr-7.14.0"])
def test_an_emr_release_has_this_form(label):
    assert re.fullmatch(TEMPLATE.parameters["EmrRelease"]["AllowedPattern"], label)


@pytest.mark.parametrize("label", ["8.1.0", "emr-spark-8.1", "emr-8.1.0-latest", "EMR-8.1.0", ""])
def test_what_is_no_emr_release_is_refused(label):
    assert not re.fullmatch(TEMPLATE.parameters["EmrRelease"]["AllowedPattern"], label)


def test_the_release_has_the_spark_and_the_iceberg_that_are_tested_here():
    """operations.md has what AWS says of each release."""
    said = (PROJECT / "docs" / "operations.md").read_text()
    release = re.escape(TEMPLATE.parameters["EmrRelease"]["Default"])
    spark, iceberg = re.search(rf"^\| `{release}` \| ([\d.]+) \| ([\d.]+) \|", said, re.MULTILINE).groups()
    assert spark == version("pyspark")
    assert {coordinate.rpartition(":")[2] for coordinate in spark_jars.PACKAGES} == {iceberg}


@pytest.mark.parametrize("name", [name for name, one in RESOURCES.items() if takes_tags(one["Type"])])
def test_what_takes_tags_has_the_cost_tag(name):
    assert COST_TAG in RESOURCES[name]["Properties"]["Tags"]


def test_clusters_have_the_cost_tag_too():
    assert {"Key": COST_TAG["Key"], "Value": "${Stack}"} in REQUEST["Tags"]


@pytest.mark.parametrize("name", of_type("AWS::Lambda::Function"))
def test_a_function_has_a_log_that_is_made_before_it_and_forgets(name):
    function = RESOURCES[name]["Properties"]["FunctionName"]
    (log,) = (
        log
        for log, group in of_type("AWS::Logs::LogGroup").items()
        if group["LogGroupName"] == f"/aws/lambda/{function}"
    )
    assert RESOURCES[name]["DependsOn"] == log  # else the function makes one that forgets nothing


@pytest.mark.parametrize("name", of_type("AWS::Logs::LogGroup"))
def test_a_log_forgets_after_three_months_at_most(name):
    assert RESOURCES[name]["Properties"]["RetentionInDays"] <= 90


def test_only_what_can_be_made_again_goes_by_its_age():
    rules = of_type("AWS::S3::Bucket")["Bucket"]["LifecycleConfiguration"]["Rules"]
    aged = {rule["Prefix"] for rule in rules if "ExpirationInDays" in rule}
    assert aged == {
        s3_layout.ORDERS,
        s3_layout.FIREHOSE_ERRORS,
        s3_layout.LISTS,
        s3_layout.MODELS,
        s3_layout.RAW_STUDIES,
        s3_layout.EMR_LOGS.partition("/")[0] + "/",
    }


def test_the_bucket_outlives_its_stack():
    assert RESOURCES["Bucket"]["DeletionPolicy"] == RESOURCES["Bucket"]["UpdateReplacePolicy"] == "Retain"


def test_another_source_of_orders_is_another_delivery_stream():
    """CloudFormation makes the new one before it deletes the old one: one name would collide."""
    direct = one_account.resources(TEMPLATE, OrdersSource="direct")["Orders"]["Properties"]
    kinesis = RESOURCES["Orders"]["Properties"]
    assert direct["DeliveryStreamType"] != kinesis["DeliveryStreamType"]
    assert direct["DeliveryStreamName"] != kinesis["DeliveryStreamName"]
