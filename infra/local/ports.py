"""Ports on 127.0.0.1: the same ones as last time where they are free, and whether someone answers there."""

import http.client
import socket
from collections.abc import Mapping, Sequence

from infra.problem import ProblemError

_LAST = 65535
ANSWER_SECONDS = 5  # a health check takes milliseconds; a busy laptop's a little longer


class PortTakenError(ProblemError):
    """Someone else listens where we were told to."""


def choose(names: Sequence[str], kept: Mapping[str, int], asked: Mapping[str, int]) -> dict[str, int]:
    """A port for each name: the one asked for, else last time's, else a free one."""
    chosen: dict[str, int] = {}
    for name in names:
        if name in asked:
            chosen[name] = _insist(name, asked[name])
        elif name in kept and kept[name] not in {*chosen.values(), *asked.values()} and is_free(kept[name]):
            chosen[name] = kept[name]
        else:
            chosen[name] = _another({*chosen.values(), *asked.values()})
    return chosen


def _insist(name: str, port: int) -> int:
    if not 0 < port <= _LAST:
        raise PortTakenError(f"{port} is no port: {name} needs one from 1 to {_LAST}")
    try:
        _bind(port)
    except OSError as error:
        raise PortTakenError(
            f"port {port}, asked for {name}, cannot be used ({error.strerror}): "
            "name another with --port or CADABRA_PORT, or name none"
        ) from error
    return port


def _another(taken: set[int]) -> int:
    while (port := _bind(0)) in taken:
        pass
    return port


def is_free(port: int) -> bool:
    try:
        _bind(port)
    except OSError:
        return False
    return True


def _bind(port: int) -> int:
    with socket.socket() as trial:
        # As the servers do it: what only waits for its connections' last packets is free.
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind(("127.0.0.1", port))
        return int(trial.getsockname()[1])


def answers(port: int, path: str) -> bool:
    """Whether whoever listens there is healthy."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
