"""What a deploy says of a stack that it cannot change."""

import pytest
from botocore.exceptions import ClientError

from infra.deployment import stack_state
from infra.problem import ProblemError


class Events:
    """CloudFormation with one stack in one state, whose first failure was the queue's."""

    def __init__(self, state):
        self.state = state
        self.removed = []
        self.resources = []

    def describe_stacks(self, StackName):  # noqa: N803 (boto3's name)
        if not self.state or StackName in self.removed:
            raise ClientError({"Error": {"Message": f"Stack with id {StackName} does not exist"}}, "")
        return {"Stacks": [{"StackStatus": self.state}]}

    def get_paginator(self, _name):
        return self

    def paginate(self, **_asked):
        """Newest first: what was cancelled came after what had failed."""
        yield {
            "StackEvents": [
                {"EventId": "3", "LogicalResourceId": "Shop", "ResourceStatus": self.state},
                event("2", "Lists", "Resource creation cancelled"),
                event("1", "Queue", "no such policy."),
                event("0", "Old", "an older failure"),
            ],
            "StackResourceSummaries": [{"ResourceStatus": each} for each in self.resources],
        }

    def delete_stack(self, StackName):  # noqa: N803 (boto3's name)
        self.removed.append(StackName)

    def get_waiter(self, _name):
        return self

    def wait(self, **_asked):
        """It is gone at once."""


def event(number, name, reason):
    return {
        "EventId": number,
        "LogicalResourceId": name,
        "ResourceStatus": "CREATE_FAILED",
        "ResourceStatusReason": reason,
    }


@pytest.fixture
def cloudformation(monkeypatch):
    """`cloudformation(state)`: the stack is in it."""

    def in_state(state):
        fake = Events(state)
        monkeypatch.setattr(stack_state, "client", lambda _service: fake)
        return fake

    return in_state


@pytest.mark.parametrize("state", ["CREATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"])
def test_a_stack_at_rest_can_be_changed(cloudformation, state):
    cloudformation(state)
    assert stack_state.make_ready("shop", print)


@pytest.mark.parametrize("state", ["", "REVIEW_IN_PROGRESS"])
def test_where_nothing_stands_it_is_made(cloudformation, state):
    assert not cloudformation(state).removed
    assert not stack_state.make_ready("shop", print)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("UPDATE_IN_PROGRESS", "somebody is changing it now. Wait"),
        ("DELETE_IN_PROGRESS", "somebody is changing it now. Wait"),
        ("UPDATE_ROLLBACK_FAILED", "aws cloudformation continue-update-rollback --stack-name shop"),
        ("DELETE_FAILED", "`cadabra destroy` goes on with it"),
    ],
)
def test_a_stack_that_cannot_be_changed_says_what_to_do(cloudformation, state, words):
    fake = cloudformation(state)
    with pytest.raises(ProblemError) as refused:
        stack_state.make_ready("shop", print)
    assert words in str(refused.value)
    assert fake.removed == []


def test_what_a_failed_first_deploy_left_is_cleared_away(cloudformation):
    fake, said = cloudformation("ROLLBACK_COMPLETE"), []
    assert not stack_state.make_ready("shop", said.append)
    assert fake.removed == ["shop"]
    assert "a first deploy that failed" in said[0]


def test_a_stack_whose_import_failed_holds_nothing_and_is_cleared_away_too(cloudformation):
    fake = cloudformation("IMPORT_ROLLBACK_COMPLETE")
    fake.resources = ["IMPORT_ROLLBACK_COMPLETE"]
    assert not stack_state.make_ready("shop", print)
    assert fake.removed == ["shop"]


def test_one_that_stood_before_a_failed_import_stays(cloudformation):
    fake = cloudformation("IMPORT_ROLLBACK_COMPLETE")
    fake.resources = ["IMPORT_ROLLBACK_COMPLETE", "UPDATE_COMPLETE"]
    assert stack_state.make_ready("shop", print)
    assert fake.removed == []


def test_nothing_is_cleared_away_before_somebody_agrees(cloudformation):
    def refused(_what):
        raise ProblemError("nothing was changed")

    fake = cloudformation("ROLLBACK_COMPLETE")
    with pytest.raises(ProblemError):
        stack_state.make_ready("shop", refused)
    assert fake.removed == []


def test_a_stack_is_not_removed_while_somebody_changes_it(cloudformation):
    fake = cloudformation("UPDATE_IN_PROGRESS")
    with pytest.raises(ProblemError, match="somebody is changing it now"):
        stack_state.remove("shop")
    assert fake.removed == []


@pytest.mark.parametrize("state", ["CREATE_COMPLETE", "DELETE_IN_PROGRESS", "DELETE_FAILED"])
def test_a_removal_goes_on_where_another_was_killed(cloudformation, state):
    fake = cloudformation(state)
    stack_state.remove("shop")
    assert fake.removed == ["shop"]


def test_the_first_failure_is_named_and_not_what_was_cancelled_because_of_it(cloudformation):
    cloudformation("ROLLBACK_COMPLETE")
    assert stack_state.first_failure("shop", since="0") == "Queue: no such policy"


def test_a_change_by_somebody_else_at_the_same_moment_is_a_message(cloudformation):
    cloudformation("UPDATE_COMPLETE")
    said = "Stack:shop is in UPDATE_IN_PROGRESS state and can not be updated."
    error = ClientError({"Error": {"Code": "ValidationError", "Message": said}}, "CreateChangeSet")
    assert "is being changed by somebody else" in str(stack_state.refusal("shop", error))
