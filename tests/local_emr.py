"""The local EMR as `cadabra up` starts it, for tests that send it runs."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3


@contextmanager
def running(data: Path) -> Iterator[Any]:
    """A client of it; it ends with the block."""
    with (data / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "infra.local.emr", "--port", "0", "--data", data],
            stdout=subprocess.PIPE,
            stderr=log,
        )
        with process.stdout as said:
            try:
                endpoint = said.readline().decode().removeprefix("listening on ").strip()
                yield boto3.client("emr", endpoint_url=endpoint)
            finally:
                process.terminate()
                process.wait()
