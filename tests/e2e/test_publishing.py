"""`cadabra publish` and `rollback` on a whole local AWS, killed and run again, while a shop asks on."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import boto3
import botocore.session
import pyarrow as pa
import pytest

from contracts import publications
from contracts.lists import from_dynamo, from_plain
from contracts.publications import State
from contracts.s3_layout import Version, opened_key
from emr_jobs.lists import export
from emr_jobs.shop import Shop
from infra.lists.lookup_client import Lookup, LookupFailedError
from infra.local import stack as local
from infra.stack import DEFAULT_NAME, Stack

CADABRA = Path(sys.executable).with_name("cadabra")
PATIENCE_S = 300
SHOWN = 3
CUSTOMERS = [f"c{number}" for number in range(300)]
FIRST, SECOND = (Version.parse(f"20261120T1{hour}0000Z-{hour + 1}") for hour in range(2))
ACCOUNT = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}


def lists(version):
    """Key -> the codes of its for_you list; half of the customers' differ by version."""
    found = {"popular": ["90001", "90002", "90003"]}
    for number, customer in enumerate(CUSTOMERS):
        chance = random.Random(f"{number}-{version if number % 2 else ''}")
        found[f"customer#{customer}"] = [str(chance.randrange(10_000, 20_000)) for _ in range(SHOWN)]
    return found


VERSIONS = {version: lists(version) for version in (FIRST, SECOND)}


def command(home, *arguments):
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CADABRA_"))
    }
    return subprocess.Popen(
        [CADABRA, *arguments],
        cwd=home,
        env={**environment, "COLUMNS": "160"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def succeeded(home, *arguments):
    with command(home, *arguments) as running:
        said, _ = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 0, said
    return said


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a local AWS in it, and nothing in the AWS but the stack."""
    folder = tmp_path_factory.mktemp("shop")
    succeeded(folder, "up")
    yield folder
    succeeded(folder, "down")


@pytest.fixture(scope="module")
def endpoint(home):
    return local.environment(local.running(home / ".cadabra"))["AWS_ENDPOINT_URL"]


@pytest.fixture(scope="module")
def stack(endpoint):
    cloudformation = boto3.client("cloudformation", endpoint_url=endpoint, **ACCOUNT)
    return Stack.of(cloudformation.describe_stacks(StackName=DEFAULT_NAME)["Stacks"][0])


@pytest.fixture(scope="module")
def shop(endpoint, stack):
    """Both versions are stored, the first one is to come."""
    s3, dynamodb = (boto3.client(name, endpoint_url=endpoint, **ACCOUNT) for name in ("s3", "dynamodb"))
    for version, keys in VERSIONS.items():
        rows = [
            {"key": key, name_of(key): codes, f"{name_of(key)}_why": ["p"] * SHOWN}
            for key, codes in keys.items()
        ]
        table = pa.Table.from_pylist(rows, schema=export.SCHEMA).sort_by("key")
        export.write(s3, stack.bucket, version.customers, table)
        export.write(s3, stack.bucket, version.items, export.empty())
        card = {"coverage": {"customers": len(CUSTOMERS)}, "gate": {"passed": True, "reasons": []}}
        s3.put_object(Bucket=stack.bucket, Key=version.card, Body=json.dumps(card).encode())
    yield Shop(s3, dynamodb, stack.bucket, stack.table)
    s3.close()
    dynamodb.close()


def name_of(key):
    return "popular" if key == "popular" else "for_you"


@pytest.fixture
def lookup(endpoint, stack):
    """The shop's client, on the function's address in the local AWS."""
    session = botocore.session.Session()
    session.set_credentials("test", "test")
    session.set_config_variable("region", "us-east-1")
    name = stack.lookup_url.partition("://")[2].partition(".")[0]
    return Lookup(f"{endpoint}/_aws/lambda-url/{name}", timeout_s=30, tries=1, session=session)


@contextmanager
def shopping(lookup):
    """Asks over HTTP while the block runs; nothing it is told may be wrong."""
    ended, asked, wrong = threading.Event(), [], []

    def ask():
        for customer in CUSTOMERS * 100:
            if ended.is_set():
                return
            try:
                codes = [item["code"] for item in lookup.recommendations(customer, n=SHOWN)["items"]]
            except LookupFailedError as error:
                codes = error
            asked.append(customer)
            if codes not in [keys[f"customer#{customer}"] for keys in VERSIONS.values()]:
                wrong.append((customer, codes))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        lookup._pool.clear()
    assert wrong == []
    assert len(asked) > 10


def served(shop):
    items = shop.dynamodb.scan(TableName=shop.table, ConsistentRead=True)["Items"]
    found = [from_plain(from_dynamo(item)) for item in items if not item["id"]["S"].startswith("control#")]
    return {one.key: [entry.code for entry in one.lists[name_of(one.key)]] for one in found}


def noted(shop, number):
    """The publication's note is in S3; perhaps nothing else."""
    return any(shop.listed(opened_key(number)))


def opened(shop, number):
    state = publications.read(shop.dynamodb, shop.table)
    return state is not None and state.number >= number and state.state == State.OPEN


def live(shop, number):
    state = publications.read(shop.dynamodb, shop.table)
    return state is not None and state.live_number >= number


@pytest.mark.parametrize("moment", [noted, opened, live])
def test_a_command_that_was_killed_is_run_again_while_the_shop_goes_on(home, shop, lookup, moment):
    succeeded(home, "publish", str(FIRST))
    with shopping(lookup):
        for version, arguments in ((SECOND, ["publish", str(SECOND)]), (FIRST, ["rollback"])):
            number = publications.read(shop.dynamodb, shop.table).number + 1
            with command(home, *arguments) as running:
                deadline = time.monotonic() + PATIENCE_S
                while running.poll() is None and not moment(shop, number):
                    assert time.monotonic() < deadline
                os.killpg(running.pid, signal.SIGKILL)
            succeeded(home, *arguments)
            assert publications.read(shop.dynamodb, shop.table).live_version == str(version)
            assert served(shop) == VERSIONS[version]


def test_the_versions_are_told(home, shop):  # noqa: ARG001 (it stores them)
    succeeded(home, "publish", str(FIRST))
    succeeded(home, "publish", str(SECOND))
    said = succeeded(home, "versions")
    assert [line.split()[:2] for line in said.splitlines() if "live" in line] == [["live", str(SECOND)]]
    assert f"`cadabra rollback` would go to {FIRST}" in said


def ask(lookup, path, **headers):
    url = lookup.url + path
    return lookup._pool.request("GET", url, headers={**lookup._signed(url), **headers}, timeout=30)


def test_only_signed_requests_are_answered(home, shop, lookup):  # noqa: ARG001 (it stores the versions)
    succeeded(home, "publish", str(FIRST))
    path = "/customers/c1/recommendations"
    assert ask(lookup, path).status == 200
    assert lookup._pool.request("GET", lookup.url + path, timeout=30).status == 403
    lookup._pool.clear()


def test_what_the_caller_has_is_not_sent_again(home, shop, lookup):  # noqa: ARG001 (it stores the versions)
    succeeded(home, "publish", str(FIRST))
    first = ask(lookup, "/popular?n=2")
    again = ask(lookup, "/popular?n=2", **{"If-None-Match": first.headers["ETag"]})
    assert (first.status, again.status, again.data) == (200, 304, b"")
    lookup._pool.clear()


@pytest.mark.parametrize(
    "customer", ["c1", "%20", "%00", "a%2Fb", "%C3%A9", "..", "x" * 65, "%F0%9F%9B%92", "a%25b"]
)
def test_a_customer_id_of_any_shape_is_answered(lookup, customer):
    answer = ask(lookup, f"/customers/{customer}/recommendations")
    assert answer.status in {200, 400, 404}
    assert json.loads(answer.data)
    lookup._pool.clear()


def test_what_is_asked_wrongly_gets_one_message(home):
    for arguments, message in (
        (["publish", "yesterday"], "'yesterday' is no version such as"),
        (["publish", "20261120T190000Z-9"], "there is no whole version 20261120T190000Z-9 here"),
    ):
        with command(home, *arguments) as running:
            said, _ = running.communicate(timeout=PATIENCE_S)
        assert running.returncode == 1
        assert message in said
        assert "Traceback" not in said
