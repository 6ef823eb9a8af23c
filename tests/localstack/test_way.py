"""The whole way of the data on the localstack target: from the shop's log file to a customer's list."""

import json
import re
import time

import pytest

from contracts import s3_layout
from infra import run, storefront
from infra.clients import client
from infra.lake import status, status_report, tables
from infra.lists import customer
from lookup import handler as lookup
from start_retrain import handler as start_retrain
from tests.localstack.deployment import functions_environment
from tests.localstack.publishing import publishing

LINES = 100_000
WAIT_SECONDS = 120


def wait(true):
    deadline = time.monotonic() + WAIT_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.fixture(scope="module")
def shipped(machine, stack):
    """The shop's ten weeks, through the agent and the local Firehose, in LocalStack's S3."""
    orders = machine.folder / "orders"
    with machine.running("shop"):
        wait(lambda: written(orders) > LINES)
    with machine.running("agent"):
        wait(lambda: acknowledged(machine.folder / "agent" / "status.json") >= written(orders))
    storefront.wait_until_delivered(stack.stream)
    storefront.hand_over(orders / "catalogue.csv", stack.bucket)
    return written(orders)


def written(orders):
    return sum(log.read_bytes().count(b"\n") for log in orders.glob("orders.log*"))


def acknowledged(status_json):
    return sum(flow["lines"] for flow in json.loads(status_json.read_text())["flows"])


@pytest.fixture(scope="module")
def lambdas(stack):  # noqa: ARG001 (deployed first)
    """The functions' environment, as the template sets it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in functions_environment().items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def retrained(shipped, lambdas, stack):  # noqa: ARG001 (there is something to train on, and with)
    """What the run's steps said, and the keys that publish was told of by the queue."""
    said = []
    with publishing(f"{stack.name}-publish") as published:
        run.follow(start_retrain.handle({})["cluster"], said.append, lambda _: None)
    return said, published


def test_the_orders_land_in_localstacks_s3_by_the_hour(shipped, stack):
    keys = [each["Key"] for each in client("s3").list_objects_v2(Bucket=stack.bucket)["Contents"]]
    orders = [key for key in keys if key.startswith(s3_layout.ORDERS)]
    assert shipped > LINES
    assert orders
    assert all(re.match(r"orders/year=\d{4}/month=\d\d/day=\d\d/hour=\d\d/.*\.gz$", key) for key in orders)


def test_the_run_ingests_every_line_and_publishes(retrained, shipped):
    said, published = retrained
    assert any(line.startswith(f"ingest: {shipped:,} lines read") for line in said)
    assert any("is live as publication 1" in line for line in said)
    assert [key for key in published if key.startswith(s3_layout.PUBLICATIONS)]
    assert s3_layout.CATALOGUE in published


@pytest.mark.usefixtures("retrained")
def test_every_line_is_accounted_for(shipped):
    found = status.read_accounts()
    assert sum(account.landed for account in found) == shipped
    assert status_report.verdict(found)[0]


@pytest.mark.usefixtures("retrained")
def test_a_customer_gets_a_list():
    someone = customer.worth_showing(tables.read("orders", ("customer", "invoice")))
    path = f"/customers/{someone}/recommendations"
    answer = lookup.handle({"rawPath": path, "requestContext": {"http": {"method": "GET"}}})
    body = json.loads(answer["body"])
    assert (answer["statusCode"], body["source"]) == (200, "customer")
    assert len(body["items"]) == 20
