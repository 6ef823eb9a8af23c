"""`cadabra settings`: which settings of the model every run uses; the next one reads what is put here."""

import subprocess
import sys
from pathlib import Path

from infra.problem import ProblemError
from infra.stack import Stack


def show(stack: Stack) -> None:
    _run(stack, "show")


def put(stack: Stack, file: Path) -> None:
    """Refused, with what is wrong, where a setting in the file is none."""
    _run(stack, "put", str(file))


def reset(stack: Stack) -> None:
    _run(stack, "reset")


def _run(stack: Stack, *arguments: str) -> None:
    """Beside this process: what is a setting, the model alone knows."""
    command = [sys.executable, "-m", "emr_jobs.settings_file", "--bucket", stack.bucket, *arguments]
    if subprocess.run(command, check=False).returncode:
        raise ProblemError(f"settings {arguments[0]}: the message stands above; nothing was changed")
