"""The commands of docker-compose.yml, run on this machine without Docker, pass their own health checks."""

import time

import pytest

from infra import localstack
from infra.local import ports
from tests.compose_services import PORTS, ThisMachine

SOLD_SECONDS = 120  # it takes two, and the live shop sells two lines a second


@pytest.fixture
def machine(tmp_path):
    return ThisMachine(tmp_path, ports.choose(tuple(PORTS), {}, {}))


@pytest.mark.parametrize("name", ["glue", "firehose", "emr"])
def test_a_service_becomes_healthy(machine, name):
    with machine.running(name):
        assert localstack.healthy(name, machine.environment("deploy"))
    assert not localstack.healthy(name, machine.environment("deploy"))


def test_the_shop_writes_ten_weeks_and_goes_on_selling(machine):
    orders = machine.folder / "orders"
    with machine.running("shop"):
        deadline = time.monotonic() + SOLD_SECONDS
        while (lines := sum(log.read_bytes().count(b"\n") for log in orders.glob("orders.log*"))) <= 100_000:
            assert time.monotonic() < deadline, f"{lines} lines"
            time.sleep(0.1)
    assert (orders / "catalogue.csv").exists()


def test_the_agent_follows_the_shop_also_before_there_is_a_stream(machine):
    with machine.running("firehose"), machine.running("agent") as agent:
        assert agent.poll() is None
    assert (machine.folder / "agent" / "checkpoints").exists()


def test_up_says_which_services_are_missing(machine):
    with machine.running("firehose"), pytest.raises(localstack.ServicesMissingError) as told:
        localstack.require(machine.environment("deploy"))
    assert "localstack at" in str(told.value)
    assert "firehose at" not in str(told.value)
    assert "docker compose up --detach --wait" in str(told.value)
