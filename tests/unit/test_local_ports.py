"""Which ports the local AWS takes."""

import socket

import pytest

from infra.local import ports

NAMES = ("ministack", "emr")


@pytest.fixture
def taken():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_last_time_s_ports_are_kept():
    kept = ports.choose(NAMES, {}, {})
    assert ports.choose(NAMES, kept, {}) == kept


def test_a_kept_port_that_is_taken_is_replaced(taken):
    found = ports.choose(NAMES, {"ministack": taken}, {})
    assert found["ministack"] != taken


def test_a_port_asked_for_is_taken_or_refused(taken):
    free = ports.choose(("emr",), {}, {})["emr"]
    assert ports.choose(NAMES, {}, {"ministack": free})["ministack"] == free
    with pytest.raises(
        ports.PortTakenError, match=rf"port {taken}, asked for ministack, cannot be used \(Address"
    ):
        ports.choose(NAMES, {}, {"ministack": taken})


@pytest.mark.parametrize("port", [0, -1, 70_000])
def test_what_is_no_port_is_refused(port):
    with pytest.raises(ports.PortTakenError, match="is no port"):
        ports.choose(NAMES, {}, {"ministack": port})


def test_no_two_get_the_same_port():
    """Last time's EMR port is the one asked for ministack now."""
    free = ports.choose(("emr",), {}, {})["emr"]
    found = ports.choose(NAMES, {"emr": free}, {"ministack": free})
    assert found["ministack"] == free
    assert found["emr"] != free


def test_nobody_answers_at_a_free_port():
    free = ports.choose(("emr",), {}, {})["emr"]
    assert not ports.answers(free, "/health")
