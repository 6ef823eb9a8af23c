"""The local EMR as `cadabra up` starts it, for tests that send it runs."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

DEADLINE_SECONDS = 90


@contextmanager
def running(data: Path) -> Iterator[Any]:
    """A client of it; told to stop, it ends with the block."""
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
                process.terminate()
                assert process.wait(DEADLINE_SECONDS) == 0
            finally:
                process.kill()
                process.wait()
