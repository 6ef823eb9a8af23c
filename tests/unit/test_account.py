"""Credentials that AWS refuses are a message that says which, and what to do."""

import pytest
from botocore.exceptions import ClientError

from infra.deployment import account, resources
from infra.problem import ProblemError
from infra.target import embedded

TARGET = embedded({"AWS_ENDPOINT_URL_EMR": "http://127.0.0.1:1"})


def refusing(code):
    def place():
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "GetCallerIdentity")

    return place


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("ExpiredToken", "they have expired"),
        ("InvalidClientTokenId", "they are nobody's"),
        ("SignatureDoesNotMatch", "the secret does not belong to the key"),
    ],
)
def test_refused_credentials_are_named_with_the_remedy(monkeypatch, code, words):
    monkeypatch.setattr(resources, "place", refusing(code))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with pytest.raises(ProblemError) as refused:
        account.enter(TARGET)
    assert words in str(refused.value)
    assert "AWS_PROFILE" in str(refused.value)
    assert "secret" not in str(refused.value).replace("the secret does not", "")


def test_any_other_answer_is_passed_on(monkeypatch):
    monkeypatch.setattr(resources, "place", refusing("Throttling"))
    with pytest.raises(ClientError):
        account.enter(TARGET)
