"""The localstack target without Docker: LocalStack 4.14.0 in host mode, and the other services' own commands.

Host mode has no DynamoDB and no Lambda. A ministack of its own is the DynamoDB here; what the Lambdas do is
done by their handlers, called as Lambda calls them.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from infra import clients, localstack
from infra.local import ministack, ports
from infra.stack import Stack
from tests.compose_services import PORTS, PROJECT, ThisMachine, services, stop
from tests.localstack.deployment import deployed

START_SECONDS = 120
DYNAMODB = "dynamodb"


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThisMachine]:
    """All services up, and this process's environment that of the compose file's `deploy`."""
    chosen = ports.choose((*PORTS, DYNAMODB), {}, {})
    dynamodb = {"AWS_ENDPOINT_URL_DYNAMODB": f"http://127.0.0.1:{chosen[DYNAMODB]}"}
    here = ThisMachine(tmp_path_factory.mktemp("compose"), chosen, dynamodb)
    with ExitStack() as running, pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in here.environment("deploy").items():
            patch.setenv(name, value)
        clients.forget()
        running.enter_context(_localstack(here))
        running.enter_context(_dynamodb(here))
        for name in ("glue", "firehose", "emr"):
            running.enter_context(here.running(name))
        localstack.require(os.environ)
        yield here
    clients.forget()


@pytest.fixture(scope="session")
def said() -> list[str]:
    """What deploy told."""
    return []


@pytest.fixture(scope="session")
def stack(machine: ThisMachine, said: list[str]) -> Stack:  # noqa: ARG001 (it sets the environment)
    return deployed(said.append)


@contextmanager
def _localstack(here: ThisMachine) -> Iterator[None]:
    """As the compose file configures it, but for Docker."""
    declared = services()["localstack"]["environment"]
    folder = here.folder / "localstack"
    own = {
        "GATEWAY_LISTEN": f"127.0.0.1:{here.ports['localstack']}",
        "FILESYSTEM_ROOT": str(folder),
        "HOME": str(folder),
        "PATH": os.environ["PATH"],
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DNS_ADDRESS": "0",  # no name server on the machine's port 53
    }
    program = [PROJECT / ".venv-localstack" / "bin" / "python", "-m", "localstack.runtime.main"]
    with _program(program, declared | own, folder):
        _wait(lambda: localstack.healthy("localstack", os.environ), folder / "log")
        yield


@contextmanager
def _dynamodb(here: ThisMachine) -> Iterator[None]:
    folder, port = here.folder / DYNAMODB, here.ports[DYNAMODB]
    with _program([ministack.program()], ministack.environment(folder, port), folder):
        _wait(lambda: ministack.healthy(port), folder / "log")
        yield


@contextmanager
def _program(command: list[str | Path], environment: dict[str, str], folder: Path) -> Iterator[None]:
    folder.mkdir(exist_ok=True)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
    try:
        yield
    finally:
        stop(process)


def _wait(true, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not true():
        assert time.monotonic() < deadline, log.read_text(errors="replace")[-2000:]
        time.sleep(0.1)
