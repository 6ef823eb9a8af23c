"""The emulator behind S3, DynamoDB, Lambda, SQS, Glue, events and CloudFormation: how it is started.

It runs in an environment of its own (`.venv-local-aws`), because it pins its own botocore.
"""

import os
from pathlib import Path

from infra.local import ports
from infra.problem import ProblemError

PROJECT = Path(__file__).resolve().parents[2]
HEALTH_PATH = "/_ministack/health"


class MinistackMissingError(ProblemError):
    """The emulator's environment is not installed."""


def program(project: Path = PROJECT) -> Path:
    path = project / ".venv-local-aws" / "bin" / "ministack"
    if not path.exists():
        raise MinistackMissingError(f"{path} is missing: run `make setup`")
    return path


def environment(data: Path, port: int) -> dict[str, str]:
    """Everything the emulator gets to see; its Lambdas inherit it."""
    (data / "tmp").mkdir(parents=True, exist_ok=True)
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(data / "tmp"),
        "TMPDIR": str(data / "tmp"),
        "BIND_HOST": "127.0.0.1",  # without it every interface is served
        "GATEWAY_PORT": str(port),
        "PERSIST_STATE": "1",
        "STATE_DIR": str(data / "state"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(data / "s3"),
        "IOT_MTLS_ENABLED": "0",
        "PYTHONUNBUFFERED": "1",
    }


def healthy(port: int) -> bool:
    return ports.answers(port, HEALTH_PATH)
