"""Nothing of an emulated target can reach a real account."""

import os

import pytest

from infra import cli, target

REAL = {
    "AWS_PROFILE": "production",
    "AWS_SESSION_TOKEN": "real",
    "AWS_ACCESS_KEY_ID": "AKIAREAL",
    "AWS_SECRET_ACCESS_KEY": "real",
    "AWS_REGION": "eu-west-1",
    "AWS_ENDPOINT_URL_DYNAMODB": "https://dynamodb.example.com",
}
LOCAL = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_EMR": "http://127.0.0.1:2"}


@pytest.fixture
def real_account():
    """A person with a real account at hand; the environment is put back."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(REAL)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.mark.usefixtures("real_account")
@pytest.mark.parametrize("chosen", [target.embedded(LOCAL), target.localstack()])
def test_an_emulated_target_leaves_nothing_of_the_real_account(chosen):
    chosen.enter()
    assert os.environ["AWS_ACCESS_KEY_ID"] == "test"
    assert os.environ["AWS_REGION"] == "us-east-1"
    assert "AWS_PROFILE" not in os.environ
    assert "AWS_SESSION_TOKEN" not in os.environ
    assert "AWS_ENDPOINT_URL_DYNAMODB" not in os.environ
    assert os.environ["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert os.environ["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")


@pytest.mark.usefixtures("real_account")
def test_aws_is_the_users_own_account():
    target.aws().enter()
    assert {name: os.environ[name] for name in REAL} == REAL
    assert "AWS_ENDPOINT_URL" not in os.environ


def test_only_emulated_targets_deliver_with_our_own_firehose():
    assert target.embedded(LOCAL).own_firehose
    assert not target.aws().own_firehose
    assert target.aws().parameters == {}


@pytest.mark.parametrize("arguments", [("--target", "aws", "status"), ("status", "--target", "aws")])
def test_the_target_is_named_before_the_command_or_after_it(arguments):
    assert cli._options(list(arguments)).target == "aws"


def test_what_is_named_after_the_command_wins():
    assert cli._options(["--target", "aws", "status", "--target", "localstack"]).target == "localstack"
    assert cli._options(["status"]).target == "embedded"
