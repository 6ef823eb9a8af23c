"""Who may do what: policies name what the template makes, and no wildcard goes unexplained."""

import re
from fnmatch import fnmatchcase
from pathlib import Path

import botocore.session
import pytest
import yaml
from botocore import xform_name

from contracts import s3_layout
from infra.checks import one_account
from infra.deployment import template

PROJECT = Path(__file__).resolve().parents[2]
TEMPLATE = template.read()
KNOWN = one_account.references(TEMPLATE, OrdersSource="kinesis")
RESOURCES = one_account.resources(TEMPLATE, OrdersSource="kinesis")

# What policies name although the template does not make it; and who does.
MADE_ELSEWHERE = {
    "arn:aws:s3:::artifacts": "deploy makes it before the stack",
    "arn:aws:s3:::artifacts/*": "deploy makes the bucket of the code before the stack",
    "arn:aws:glue:eu-west-1:123456789012:catalog": "every account has one",
    "arn:aws:glue:eu-west-1:123456789012:database/cadabra": "Lake, which has no ARN in CloudFormation",
    "arn:aws:glue:eu-west-1:123456789012:table/cadabra/*": "ingest makes the tables",
    "arn:aws:elasticmapreduce:eu-west-1:123456789012:cluster/*": "start_retrain makes them",
    "arn:aws:elasticmapreduce:eu-west-1:123456789012:*": "EMR itself, on behalf of any cluster",
    "arn:aws:iam::123456789012:root": "the account",
}
# Services that tell on whose behalf they take a role; Lambda and EC2 do not.
TELL_THEIR_SOURCE = {"firehose.amazonaws.com", "elasticmapreduce.amazonaws.com"}


def listed(value):
    return value if isinstance(value, list) else [value]


def documents(value):
    """Every policy document below a value: a mapping with statements."""
    if isinstance(value, dict):
        if "Statement" in value:
            yield value
        for each in value.values():
            yield from documents(each)
    elif isinstance(value, list):
        for each in value:
            yield from documents(each)


STATEMENTS = [
    pytest.param(statement, id=f"{name}-{number}")
    for name, resource in RESOURCES.items()
    for number, statement in enumerate(
        statement for document in documents(resource) for statement in document["Statement"]
    )
]


def arns_of_the_template():
    found = (KNOWN.attribute([name, "Arn"]) for name in RESOURCES)
    return [arn.removesuffix(":*") for arn in found if arn.startswith("arn:")]  # a log group's ends so


def named_arns(statement):
    """In its resources, and in the conditions on who asks."""
    conditions = statement.get("Condition", {}).values()
    sources = [value for each in conditions for key, value in each.items() if key == "aws:SourceArn"]
    for value in [*listed(statement.get("Resource", [])), *(arn for each in sources for arn in listed(each))]:
        if value != "*":
            yield value


def is_of(arn, own):
    """The resource itself, something in it, or a pattern that it fits."""
    return arn == own or arn.startswith((own + "/", own + ":")) or fnmatchcase(own, arn)


@pytest.mark.parametrize("statement", STATEMENTS)
def test_each_arn_that_a_policy_names_is_of_the_template(statement):
    own = arns_of_the_template()
    for arn in named_arns(statement):
        elsewhere = any(arn == known or fnmatchcase(arn, known) for known in MADE_ELSEWHERE)
        assert elsewhere or any(is_of(arn, known) for known in own), arn


def test_nothing_made_elsewhere_is_excused_for_nothing():
    named = {arn for one in STATEMENTS for arn in named_arns(one.values[0])}
    assert [known for known in MADE_ELSEWHERE if not any(fnmatchcase(arn, known) for arn in named)] == [
        "arn:aws:iam::123456789012:root"  # it is a principal
    ]


def keyed(node, key=""):
    """Every scalar of the template with the key it stands under."""
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            yield from keyed(value, name.value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from keyed(value, key)
    else:
        yield key, node


def is_wildcard(key, value):
    return (key == "Action" and "*" in value) or (key == "Resource" and value == "*")


def unexplained(text):
    """Lines with a wildcard and no reason behind it."""
    lines = text.splitlines()
    nodes = [node for key, node in keyed(yaml.compose(text)) if is_wildcard(key, node.value)]
    assert nodes
    return [lines[node.start_mark.line] for node in nodes if " # " not in lines[node.start_mark.line]]


def test_every_wildcard_has_its_reason_beside_it():
    assert unexplained(TEMPLATE.text) == []


@pytest.mark.parametrize("line", ['Resource: "*"', "Action: s3:*", "Action: [s3:GetObject, s3:Put*]"])
def test_a_wildcard_without_a_reason_is_found(line):
    assert unexplained(f"- {line}") == [f"- {line}"]


def test_a_role_is_passed_by_name_and_to_one_service():
    passing = [one.values[0] for one in STATEMENTS if "iam:PassRole" in listed(one.values[0]["Action"])]
    assert len(passing) == 3
    for statement in passing:
        assert ":role/" in statement["Resource"]
        assert statement["Condition"]["StringEquals"]["iam:PassedToService"].endswith(".amazonaws.com")


@pytest.mark.parametrize("name", [name for name, one in RESOURCES.items() if one["Type"] == "AWS::IAM::Role"])
def test_a_service_takes_a_role_for_this_account_alone(name):
    (trust,) = RESOURCES[name]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    if trust["Principal"]["Service"] in TELL_THEIR_SOURCE:
        assert trust["Condition"]["StringEquals"]["aws:SourceAccount"] == one_account.PLACE.account
        assert trust["Condition"]["ArnLike"]["aws:SourceArn"].startswith("arn:aws:")


@pytest.mark.parametrize("name", ["PublishQueuePolicy", "NoticesPolicy"])
def test_a_service_writes_only_for_what_is_named(name):
    allowed = [
        statement
        for statement in RESOURCES[name]["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]
    assert all(list(named_arns({"Condition": statement["Condition"]})) for statement in allowed)


def test_the_bucket_refuses_whoever_comes_without_tls():
    (statement,) = RESOURCES["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    bucket = KNOWN.attribute(["Bucket", "Arn"])
    assert statement["Effect"] == "Deny"
    assert statement["Principal"] == statement["Action"].removeprefix("s3:") == "*"
    assert statement["Resource"] == [bucket, f"{bucket}/*"]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_start_retrain_touches_the_control_items_alone():
    (statement,) = (
        one.values[0]
        for one in STATEMENTS
        if one.id.startswith("StartRetrainRole") and "dynamodb:PutItem" in one.values[0]["Action"]
    )
    assert statement["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": "control#*"}}


def actions(role, service):
    granted = (
        action
        for one in documents(RESOURCES[role])
        for statement in one["Statement"]
        for action in listed(statement["Action"])
    )
    return {action for action in granted if action.startswith(f"{service}:")}


def asked_of_dynamodb(folder):
    """What the sources below a folder ask of a client called dynamodb, as IAM calls it."""
    model = botocore.session.get_session().get_service_model("dynamodb")
    operations = {xform_name(name): name for name in model.operation_names}
    for path in (PROJECT / folder).rglob("*.py"):
        text = path.read_text()
        methods = re.findall(r"\bdynamodb\.(\w+)", text)
        pages = re.findall(r"""\bdynamodb\.get_paginator\(["'](\w+)""", text)
        yield from (f"dynamodb:{operations[name]}" for name in [*methods, *pages] if name in operations)


@pytest.mark.parametrize(
    ("role", "folders"),
    [
        ("EmrNodeRole", ["emr_jobs", "contracts"]),
        ("PublishRole", ["lambda/publish"]),
        ("LookupRole", ["lambda/lookup"]),
        ("StartRetrainRole", ["contracts"]),
    ],
)
def test_a_role_may_ask_of_the_table_what_its_code_asks(role, folders):
    asked = {action for folder in folders for action in asked_of_dynamodb(folder)}
    assert asked
    assert asked - actions(role, "dynamodb") == set()


def test_who_reads_what_may_be_missing_may_list_so_that_s3_says_so():
    """Without ListBucket S3 answers AccessDenied for what is not there; the get that asks has no prefix."""
    for role, prefix in [
        ("StartRetrainRole", s3_layout.EMR_REQUEST),
        ("EmrNodeRole", s3_layout.ERASURE_KEY),
        ("PublishRole", s3_layout.ERASURE_KEY),
        ("PublishRole", s3_layout.ERASURE_KEY_PLACE),
    ]:
        prefixes = [
            pattern
            for one in documents(RESOURCES[role])
            for statement in one["Statement"]
            if "s3:ListBucket" in listed(statement["Action"])
            for pattern in listed(
                statement.get("Condition", {}).get("StringLikeIfExists", {}).get("s3:prefix", [])
            )
        ]
        assert any(fnmatchcase(prefix, pattern) for pattern in prefixes), (role, prefix)


def test_a_cluster_may_be_looked_at_by_whatever_tag_and_ended_by_the_stacks_alone():
    by_action = {
        action: one.values[0].get("Condition")
        for one in STATEMENTS
        if one.id.startswith("StartRetrainRole")
        for action in listed(one.values[0]["Action"])
    }
    assert by_action["elasticmapreduce:DescribeCluster"] is None
    assert by_action["elasticmapreduce:TerminateJobFlows"] == {
        "StringEquals": {"aws:ResourceTag/application": one_account.STACK}
    }
