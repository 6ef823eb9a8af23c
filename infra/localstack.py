"""The services of docker-compose.yml: which of them answer. On this target each command asks it first.

`python -m infra.localstack NAME` asks one of them, for the health check of its own container.
"""

import http.client
import os
import sys
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

from infra.local.stack_state import EMR, FIREHOSE, MINISTACK
from infra.local.supervisor import HEALTH_PATHS
from infra.problem import ProblemError

ANSWER_SECONDS = 5  # a health check takes milliseconds; a busy laptop's a little longer


class ServicesMissingError(ProblemError):
    """Not all of the localstack target is up."""


@dataclass(frozen=True)
class Service:
    variable: str  # of the environment: its endpoint
    health_path: str


SERVICES = {
    "localstack": Service("AWS_ENDPOINT_URL", "/_localstack/health"),
    "glue": Service("AWS_ENDPOINT_URL_GLUE", HEALTH_PATHS[MINISTACK]),
    "firehose": Service("AWS_ENDPOINT_URL_FIREHOSE", HEALTH_PATHS[FIREHOSE]),
    "emr": Service("AWS_ENDPOINT_URL_EMR", HEALTH_PATHS[EMR]),
}


def require(environment: Mapping[str, str]) -> None:
    """Raise ServicesMissingError unless each service answers where the environment says."""
    silent = [name for name in SERVICES if not healthy(name, environment)]
    if silent:
        where = ", ".join(f"{name} at {environment[SERVICES[name].variable]}" for name in silent)
        raise ServicesMissingError(
            f"not all of the localstack target answers: no {where}. Run `docker compose up --detach --wait` "
            "first; `docker compose ps` and `docker compose logs NAME` tell what became of each"
        )


def healthy(name: str, environment: Mapping[str, str]) -> bool:
    service = SERVICES[name]
    directly = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        directly.open(environment[service.variable] + service.health_path, timeout=ANSWER_SECONDS).close()
    except (OSError, http.client.HTTPException):
        return False
    return True


def main(arguments: list[str] | None = None) -> int:
    (name,) = sys.argv[1:] if arguments is None else arguments
    return 0 if healthy(name, os.environ) else 1


if __name__ == "__main__":
    sys.exit(main())
