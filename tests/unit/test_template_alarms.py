"""Whoever is told something is told enough: alarms, rules, their words, and operations.md."""

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from infra.checks import one_account
from infra.deployment import template
from start_retrain import age

PROJECT = Path(__file__).resolve().parents[2]
TEMPLATE = template.read()
RESOURCES = one_account.resources(TEMPLATE, OrdersSource="kinesis")
DIRECT = one_account.resources(TEMPLATE)
REQUEST = json.loads((PROJECT / "infra" / "emr_retrain.json").read_text())
OPERATIONS = (PROJECT / "docs" / "operations.md").read_text()
ALARMS = {
    name: one["Properties"] for name, one in RESOURCES.items() if one["Type"] == "AWS::CloudWatch::Alarm"
}
RULES = {name: one["Properties"] for name, one in RESOURCES.items() if one["Type"] == "AWS::Events::Rule"}
TOPIC = one_account.references(TEMPLATE).ref("Notices")
TOLD = [name for name, rule in RULES.items() if any(target["Arn"] == TOPIC for target in rule["Targets"])]


def called(alarm):
    """Its name without the stack's."""
    return alarm["AlarmName"].removeprefix(f"{one_account.STACK}-")


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_tells_when_it_begins_and_when_it_is_over(name):
    assert ALARMS[name]["AlarmActions"] == ALARMS[name]["OKActions"] == [TOPIC]


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_says_what_happened_and_operations_what_to_do(name):
    assert len(ALARMS[name]["AlarmDescription"]) > 40
    paragraph = re.search(rf"^\*\*{called(ALARMS[name])}\*\* .+", OPERATIONS, re.MULTILINE)
    assert paragraph, f"docs/operations.md has no paragraph that begins with **{called(ALARMS[name])}**"
    assert len(paragraph[0]) > 100


def test_operations_knows_of_no_alarm_that_is_not_there():
    section = OPERATIONS.partition("\n## Alarms\n")[2].partition("\n## ")[0]
    said = re.findall(r"^\*\*([a-z-]+)\*\* ", section, re.MULTILINE)
    assert sorted(said) == sorted(map(called, ALARMS.values()))


@pytest.mark.parametrize("resources", [RESOURCES, DIRECT], ids=["kinesis", "direct"])
def test_the_dashboard_has_every_alarm(resources):
    body = json.loads(resources["Dashboard"]["Properties"]["DashboardBody"])
    known = one_account.references(TEMPLATE)
    alarms = [name for name, one in resources.items() if one["Type"] == "AWS::CloudWatch::Alarm"]
    assert body["widgets"][0]["properties"]["alarms"] == [known.attribute([name, "Arn"]) for name in alarms]


def test_widgets_do_not_overlap():
    body = json.loads(RESOURCES["Dashboard"]["Properties"]["DashboardBody"])
    cells = [
        (x, y)
        for widget in body["widgets"]
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_the_age_of_the_lists_is_the_metric_that_start_retrain_tells():
    alarm = ALARMS["ListsOld"]
    assert alarm["MetricName"] == age.METRIC
    variables = RESOURCES["StartRetrain"]["Properties"]["Environment"]["Variables"]
    assert alarm["Namespace"] == variables["METRICS"]


def test_agents_are_throttled_by_the_stream_they_write_to():
    for alarm, namespace, stream in [
        (DIRECT["OrdersThrottled"]["Properties"], "AWS/Firehose", "DeliveryStreamName"),
        (ALARMS["OrdersThrottled"], "AWS/Kinesis", "StreamName"),
    ]:
        assert alarm["Namespace"] == namespace
        assert alarm["Dimensions"] == [{"Name": stream, "Value": f"{one_account.STACK}-orders"}]


def test_whoever_is_behind_is_told_long_before_the_stream_drops_lines():
    alarm, stream = ALARMS["OrdersBehind"], RESOURCES["OrdersStream"]["Properties"]
    assert alarm["Dimensions"] == [
        {"Name": "DeliveryStreamName", "Value": RESOURCES["Orders"]["Properties"]["DeliveryStreamName"]}
    ]
    assert alarm["Threshold"] / 3_600_000 * 24 < stream["RetentionPeriodHours"]
    assert "OrdersBehind" not in DIRECT


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_looks_no_further_back_than_cloudwatch_can(name):
    assert ALARMS[name]["Period"] * ALARMS[name]["EvaluationPeriods"] <= 86_400


def test_the_topic_takes_notices_of_the_rules_that_send_them():
    statements = RESOURCES["NoticesPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    (rules,) = (one["Condition"]["ArnEquals"]["aws:SourceArn"] for one in statements if one["Sid"] == "Rules")
    known = one_account.references(TEMPLATE)
    assert rules == [known.attribute([name, "Arn"]) for name in TOLD]


@pytest.mark.parametrize("name", TOLD)
def test_a_notice_is_lines_in_quotes_without_an_unknown_placeholder(name):
    """EventBridge takes a text as strings, one a line, and leaves names it does not know as they are."""
    for target in RULES[name]["Targets"]:
        transformer = target["InputTransformer"]
        lines = transformer["InputTemplate"].splitlines()
        assert all(isinstance(json.loads(line), str) for line in lines)
        assert set(re.findall(r"<(\w+)>", transformer["InputTemplate"])) == set(transformer["InputPathsMap"])


@pytest.mark.parametrize("name", TOLD)
def test_a_rule_hears_of_this_stacks_clusters_alone(name):
    begins = REQUEST["Name"].replace("${Stack}", one_account.STACK).partition("$")[0]
    detail = RULES[name]["EventPattern"]["detail"]
    assert detail.get("name") == [{"prefix": begins}] or detail["message"] == [{"wildcard": f"*({begins}*"}]
    assert RULES[name]["EventPattern"]["source"] == ["aws.emr", "local.emr"]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("ALL_STEPS_COMPLETED", False),
        ("STEP_FAILURE", False),  # the rule of the steps tells it
        ("USER_REQUEST", False),  # as Airflow ends each of its clusters
        ("BOOTSTRAP_FAILURE", True),
        ("INSTANCE_FAILURE", True),
        ("INTERNAL_ERROR", True),
        ("VALIDATION_ERROR", True),
    ],
)
def test_a_clusters_end_is_told_when_nobody_asked_for_it(code, told):
    (reason,) = RULES["ClusterFailed"]["EventPattern"]["detail"]["stateChangeReason"]
    event = json.dumps({"code": code, "message": "why"})
    assert told != any(fnmatchcase(event, pattern) for pattern in reason["anything-but"]["wildcard"])


def test_a_failed_step_names_the_log_with_the_error_first():
    (target,) = RULES["StepFailed"]["Targets"]
    words = target["InputTransformer"]["InputTemplate"]
    assert 0 < words.index("stderr.gz") < words.index("stdout.gz")


def test_a_run_has_ended_well_when_the_requests_last_step_has():
    assert RULES["RetrainDone"]["EventPattern"]["detail"]["name"] == [REQUEST["Steps"][-1]["Name"]]


def test_notices_that_point_into_operations_point_at_a_section():
    for name in TOLD:
        for target in RULES[name]["Targets"]:
            for section in re.findall(
                r"docs/operations\.md, ([\w ]+)\.", target["InputTransformer"]["InputTemplate"]
            ):
                assert f"\n### {section}\n" in OPERATIONS


def test_each_check_that_checkov_leaves_out_has_its_reason():
    skipped = (PROJECT / "infra" / "checks" / "checkov.yaml").read_text().partition("skip-check:\n")[2]
    assert skipped
    assert all(re.fullmatch(r"  - CKV_AWS_\d+ +# .{30,}", line) for line in skipped.splitlines())
