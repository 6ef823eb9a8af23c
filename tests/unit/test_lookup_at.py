"""The lookup's address on each target, from the Function URL that the stack tells."""

import pytest

from infra.lists.customer import lookup_at

ON_AWS = "https://abc123.lambda-url.us-east-1.on.aws/"
OF_LOCALSTACK = "http://abc123.lambda-url.us-east-1.localhost.localstack.cloud:4566/"


@pytest.mark.parametrize(
    ("emulator", "told", "asked"),
    [
        (None, ON_AWS, ON_AWS),
        ("http://127.0.0.1:4000", ON_AWS, "http://127.0.0.1:4000/_aws/lambda-url/abc123"),
        ("http://127.0.0.1:4566", OF_LOCALSTACK, OF_LOCALSTACK),
    ],
    ids=["aws", "embedded", "localstack"],
)
def test_the_lookup_is_asked_where_the_target_serves_it(monkeypatch, emulator, told, asked):
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    if emulator:
        monkeypatch.setenv("AWS_ENDPOINT_URL", emulator)
    assert lookup_at(told).url == asked
