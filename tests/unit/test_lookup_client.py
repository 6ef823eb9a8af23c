"""What a shop gets from the client when the lookup is slow, away, or says no."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3
from botocore.credentials import Credentials

from infra.lists import lookup_client
from infra.lists.lookup_client import Lookup, LookupRefusedError, LookupUnreachableError

URL = "https://abc.lambda-url.eu-west-1.on.aws"
POPULAR = {
    "list": "popular",
    "source": "popular",
    "version": "20261120T110000Z-1",
    "as_of": "2026-11-20T11:00:00+00:00",
    "list_version": "20261120T110000Z-1",
    "items": [
        {
            "code": code,
            "name": code.lower(),
            "reason": {"kind": "popular", "detail": ""},
            "why": "popular now",
        }
        for code in "ABCD"
    ],
}
OWN = {**POPULAR, "list": "for_you", "source": "customer", "customer": "c1", "items": [{"code": "X"}]}


class Session:
    """botocore's, with credentials and a region."""

    def get_credentials(self):
        return Credentials("key", "secret")

    def get_config_variable(self, _):
        return "us-east-1"


class Answer:
    def __init__(self, status, body):
        self.status, self.data = status, body if isinstance(body, bytes) else json.dumps(body).encode()


class Pool:
    """Answers in turn; an exception is raised, and what is popular is always there unless `down`."""

    def __init__(self, *answers):
        self.answers, self.asked, self.down = list(answers), [], False
        self.no_popular = False

    def request(self, method, url, headers, timeout):
        self.asked.append((method, url, headers, timeout))
        if urlsplit(url).path == "/popular" and not self.down:
            return Answer(503, {}) if self.no_popular else Answer(200, POPULAR)
        answer = (
            self.answers.pop(0) if self.answers and not self.down else urllib3.exceptions.TimeoutError("late")
        )
        if isinstance(answer, Exception):
            raise answer
        return answer


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def lookup(*answers):
    return Lookup(URL, session=Session(), pause=lambda _: None, clock=Clock(), _pool=Pool(*answers))


def test_a_list_is_asked_for_signed_and_with_a_time_limit():
    shop = lookup(Answer(200, OWN))
    assert shop.recommendations("c1", n=5, exclude=["A", "B"], names=True) == OWN
    method, url, headers, timeout = shop._pool.asked[0]
    assert (method, urlsplit(url).path, timeout) == ("GET", "/customers/c1/recommendations", 1.0)
    assert parse_qs(urlsplit(url).query) == {
        "list": ["for_you"],
        "n": ["5"],
        "exclude": ["A,B"],
        "names": ["true"],
    }
    assert "/eu-west-1/lambda/aws4_request" in headers["Authorization"]


def test_a_customer_id_is_one_piece_of_the_path():
    shop = lookup(Answer(200, OWN))
    shop.recommendations("a/b@c?")
    assert urlsplit(shop._pool.asked[0][1]).path == "/customers/a%2Fb%40c%3F/recommendations"


@pytest.mark.parametrize(
    "trouble",
    [urllib3.exceptions.TimeoutError("late"), Answer(503, {"error": "later"}), Answer(502, b"<html>")],
)
def test_what_may_pass_is_tried_again(trouble):
    assert lookup(trouble, trouble, Answer(200, OWN)).recommendations("c1") == OWN


def test_what_is_wrong_is_said_at_once():
    shop = lookup(Answer(400, {"error": "a customer id has 1 to 64 letters"}))
    with pytest.raises(LookupRefusedError, match="answers 400: a customer id has"):
        shop.recommendations("a b")
    assert len(shop._pool.asked) == 1


def test_while_the_lookup_is_away_what_was_popular_is_shown():
    shop = lookup(Answer(200, OWN))
    shop.recommendations("c1")
    shop._pool.down = True
    told = shop.recommendations("c2", n=2, exclude=["A"], reasons=True)
    assert (told["customer"], told["list"], told["source"]) == ("c2", "for_you", "popular")
    assert told["items"] == [
        {"code": code, "reason": {"kind": "popular", "detail": ""}, "why": "popular now"} for code in "BC"
    ]
    assert [item["code"] for item in shop.together("9")["items"]] == list("ABCD")


def test_with_nothing_in_memory_it_says_that_it_has_nothing():
    shop = lookup()
    with pytest.raises(LookupUnreachableError, match="3 tries"):
        shop.recommendations("c1")
    assert len(shop._pool.asked) == 3


def test_what_is_popular_is_asked_for_anew_every_ten_minutes():
    shop = lookup(*[Answer(200, OWN)] * 3)
    for now in (0.0, 599.0, 601.0):
        shop.clock.now = now
        shop.recommendations("c1")
    assert [urlsplit(url).path for _, url, _, _ in shop._pool.asked].count("/popular") == 2


def test_where_what_is_popular_is_not_to_be_had_no_request_waits_for_it_soon_again():
    shop = lookup(*[Answer(200, OWN)] * 9)
    shop._pool.no_popular = True
    for now in (0.0, 29.0, 31.0):
        shop.clock.now = now
        assert shop.recommendations("c1") == OWN
    assert [urlsplit(url).path for _, url, _, _ in shop._pool.asked].count(
        "/popular"
    ) == 6  # three tries, twice


def test_the_client_is_one_file_that_needs_botocore_alone(tmp_path):
    shutil.copy(lookup_client.__file__, tmp_path / "lookup_client.py")
    checked = "import lookup_client, sys; assert not {'infra', 'contracts', 'boto3'} & set(sys.modules)"
    run = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {checked}"
    subprocess.run([sys.executable, "-I", "-c", run], check=True, cwd=Path(tmp_path))
