"""Change sets in the real local CloudFormation: made, executed, failed, given up."""

import json

import boto3
import pytest

from infra import clients
from infra.deployment import artifacts, changes, resources, stack_state
from infra.problem import ProblemError

QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {}}
FAILS = {  # its log group is not there
    "Type": "AWS::Logs::MetricFilter",
    "Properties": {"LogGroupName": "nonesuch", "FilterPattern": "", "MetricTransformations": []},
}


@pytest.fixture(autouse=True)
def _own_account(local_aws, monkeypatch):  # noqa: ARG001 (its environment is changed here)
    """The emulator takes twelve digits for an account: what other tests have made is not in it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "310987654321")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it remembers who it was
    clients.forget()
    yield
    clients.forget()


def body(**made):
    return {"TemplateBody": json.dumps({"Resources": made})}


def deployed(name, **made):
    change_set = changes.plan(name, body(**made), [])
    changes.execute(change_set)
    return change_set


def test_a_new_stack_is_created_and_then_changed():
    first = deployed("grows", One=QUEUE)
    assert (first.kind, [(change.action, change.name) for change in first.changes]) == (
        "CREATE",
        [("Add", "One")],
    )
    second = changes.plan("grows", body(One=QUEUE, Two=QUEUE), [])
    assert (second.kind, [(change.action, change.name) for change in second.changes]) == (
        "UPDATE",
        [("Add", "Two")],
    )


def test_where_nothing_changes_there_is_no_change_set():
    deployed("same", One=QUEUE)
    assert changes.plan("same", body(One=QUEUE), []) is None


def test_a_change_set_that_is_given_up_changes_nothing():
    deployed("kept", One=QUEUE)
    changes.discard(changes.plan("kept", body(Two=QUEUE), []))
    listed = boto3.client("cloudformation").list_change_sets(StackName="kept")["Summaries"]
    assert [each for each in listed if each["ExecutionStatus"] == "AVAILABLE"] == []
    assert [change.action for change in changes.plan("kept", body(One=QUEUE, Two=QUEUE), []).changes] == [
        "Add"
    ]


def test_a_template_that_cloudformation_does_not_take_is_a_message():
    with pytest.raises(ProblemError, match=r"CloudFormation refuses.*AWS::No::Such"):
        changes.plan("refused", body(One={"Type": "AWS::No::Such"}), [])


def test_a_failed_first_deploy_names_the_cause_and_is_cleared_away_by_the_next():
    with pytest.raises(ProblemError, match=r"ROLLBACK_COMPLETE\): Fails: .*nonesuch.*deploy anew"):
        deployed("fails", One=QUEUE, Fails=FAILS)
    said = []
    assert not stack_state.make_ready("fails", said.append)
    assert "Fails: " in said[0]
    assert stack_state.state("fails") == stack_state.ABSENT
    deployed("fails", One=QUEUE)


def test_a_failed_change_says_that_all_is_as_before():
    deployed("returns", One=QUEUE)
    with pytest.raises(ProblemError, match=r"Fails: .*All is as it was before"):
        deployed("returns", One=QUEUE, Fails=FAILS)
    assert stack_state.make_ready("returns", print)


def test_a_template_too_long_to_be_sent_along_is_put_into_s3(monkeypatch):
    monkeypatch.setattr(artifacts, "MOST_TEMPLATE_BYTES", 10)
    argument = artifacts.template_argument("code-bucket", resources.place(), body(One=QUEUE)["TemplateBody"])
    assert argument.keys() == {"TemplateURL"}
    assert [change.name for change in changes.plan("long", argument, []).changes] == ["One"]
