"""Which AWS: the embedded one, LocalStack's, or the real one; all other code sees environment variables.

The emulated targets get test credentials and no configuration files, so that nothing of theirs can ever reach
a real account.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from infra import clients

EMBEDDED, LOCALSTACK, AWS = "embedded", "localstack", "aws"
NAMES = (EMBEDDED, LOCALSTACK, AWS)

# The ports that docker-compose.yml publishes; the variables of the same names win.
_LOCALSTACK_ENDPOINTS = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
    "AWS_ENDPOINT_URL_GLUE": "http://127.0.0.1:4567",
    "AWS_ENDPOINT_URL_FIREHOSE": "http://127.0.0.1:4573",
    "AWS_ENDPOINT_URL_EMR": "http://127.0.0.1:4579",
}
_EMR_OF_CONTAINERS = "http://emr:4579"  # start_retrain runs in a container of its own, on compose's network
TEST_ACCOUNT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "NO_PROXY": "127.0.0.1,localhost",
    "no_proxy": "127.0.0.1,localhost",  # where both are set, this one wins
}
_KEPT = {"AWS_CA_BUNDLE"}  # of the user's own AWS_ variables: it says whom to trust, not where to go
_BRISK = {"BufferSeconds": "2", "BufferMiB": "1"}  # on one machine a person waits for the objects


@dataclass(frozen=True)
class Target:
    name: str
    environment: Mapping[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def emulated(self) -> bool:
        return self.name != AWS

    @property
    def own_firehose(self) -> bool:
        """Whether firehose/delivery stands in for Firehose."""
        return self.emulated

    @property
    def path_style(self) -> bool:
        """Whether S3 is reached without a host name for each bucket."""
        return self.emulated

    def enter(self) -> None:
        """From here on this process and its children speak to this target."""
        if self.emulated:
            for name in [name for name in os.environ if name.startswith("AWS_") and name not in _KEPT]:
                del os.environ[name]
        os.environ.update(self.environment)
        clients.forget()


def embedded(environment: Mapping[str, str]) -> Target:
    """The AWS that `cadabra up` started; its environment says where."""
    parameters = _BRISK | {"EmrEndpoint": environment["AWS_ENDPOINT_URL_EMR"]}
    return Target(EMBEDDED, {**TEST_ACCOUNT, **environment}, parameters)


def localstack() -> Target:
    """The services of docker-compose.yml, seen from this machine or from one of their containers."""
    endpoints = {name: os.environ.get(name, default) for name, default in _LOCALSTACK_ENDPOINTS.items()}
    hosts = ",".join(
        ["127.0.0.1", "localhost", *(urlsplit(url).hostname or "" for url in endpoints.values())]
    )
    environment = {**TEST_ACCOUNT, **endpoints, "NO_PROXY": hosts, "no_proxy": hosts}
    return Target(LOCALSTACK, environment, _BRISK | {"EmrEndpoint": _EMR_OF_CONTAINERS})


def aws() -> Target:
    """The account and region of the user's own environment; AWS_REGION counts as it does for other SDKs."""
    region = os.environ.get("AWS_REGION")
    return Target(AWS, {"AWS_DEFAULT_REGION": region} if region else {})
