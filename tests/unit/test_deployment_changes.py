"""A change set as it is shown: what is replaced, and what that loses, in red."""

import io

import pytest
from rich.console import Console

from infra.deployment import changes
from infra.deployment.changes import Change, ChangeSet

TABLE, BUCKET, ROLE = "AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::IAM::Role"
STREAM = "AWS::KinesisFirehose::DeliveryStream"


@pytest.mark.parametrize(
    ("change", "loses"),
    [
        (Change("Modify", "Lists", TABLE, "True"), True),
        (Change("Modify", "Lists", TABLE, "Conditional"), True),
        (Change("Modify", "Lists", TABLE, "False"), False),
        (Change("Remove", "Lists", TABLE), True),
        (Change("Add", "Lists", TABLE), False),
        (Change("Remove", "Bucket", BUCKET, policy="Delete"), True),
        (Change("Remove", "Bucket", BUCKET, policy="Retain"), False),
        (Change("Modify", "Bucket", BUCKET, "True", "ReplaceAndRetain"), False),
        (Change("Modify", "Role", ROLE, "True"), False),
    ],
)
def test_data_is_lost_where_what_holds_it_goes_and_is_not_retained(change, loses):
    assert bool(change.loses) == loses


def shown(*found):
    screen = Console(file=io.StringIO(), width=80, force_terminal=True, color_system="standard")
    screen.print(changes.table(ChangeSet("id", "cadabra", "UPDATE", found)))
    return screen.file.getvalue()


def test_what_loses_data_comes_first_and_is_red():
    text = shown(Change("Add", "Alarm", "AWS::CloudWatch::Alarm"), Change("Modify", "Lists", TABLE, "True"))
    lost = next(line for line in text.splitlines() if "Lists" in line)
    assert "\x1b[1;31m" in lost
    assert "yes, loses" in lost
    assert text.index("Lists") < text.index("Alarm")


def test_a_replacement_without_data_is_yellow():
    role = next(line for line in shown(Change("Modify", "Role", ROLE, "True")).splitlines() if "Role" in line)
    assert "\x1b[33m" in role
    assert "\x1b[1;31m" not in role


def test_it_fits_eighty_columns():
    wide = Change("Modify", "OrdersFromTheShopThroughKinesis", STREAM, "Conditional")
    screen = Console(file=io.StringIO(), width=80)
    screen.print(changes.table(ChangeSet("id", "cadabra", "UPDATE", (wide,))))
    assert max(len(line.rstrip()) for line in screen.file.getvalue().splitlines()) <= 80


def test_cloudformations_answer_is_read():
    plain = {
        "Type": "Resource",
        "ResourceChange": {
            "Action": "Modify",
            "LogicalResourceId": "Bucket",
            "ResourceType": BUCKET,
            "Replacement": "True",
            "PolicyAction": "ReplaceAndRetain",
        },
    }
    assert Change.of(plain) == Change("Modify", "Bucket", BUCKET, "True", "ReplaceAndRetain")
