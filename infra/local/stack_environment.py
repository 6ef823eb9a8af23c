"""The environment that points at the local AWS and hides every real account."""

import os
from collections.abc import Mapping

from infra.local.stack_state import EMR, FIREHOSE, MINISTACK
from infra.target import TEST_ACCOUNT


def of_target(ports: Mapping[str, int]) -> dict[str, str]:
    """What a client of the local AWS sets."""
    return {
        "AWS_ENDPOINT_URL": _url(ports[MINISTACK]),
        "AWS_ENDPOINT_URL_FIREHOSE": _url(ports[FIREHOSE]),
        "AWS_ENDPOINT_URL_EMR": _url(ports[EMR]),
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",  # whatever the user's shell says
        **TEST_ACCOUNT,
    }


def of_children(ports: Mapping[str, int]) -> dict[str, str]:
    """The user's environment without anything of the user's AWS."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return own | of_target(ports)


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"
