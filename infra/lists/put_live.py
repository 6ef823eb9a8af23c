"""Puts a stored version live without a cluster: retrain's publication step, in a process of its own.

Killed anywhere, it ends right when run again.
"""

import json
import subprocess
import sys
from typing import Any

from contracts.s3_layout import Version
from infra.clients import client
from infra.problem import ProblemError
from infra.stack import Stack


class RefusedVersionError(ProblemError):
    """The version's gate refused it, and nobody said that it shall go live all the same."""


def put_live(stack: Stack, version: Version, *, full: bool = False) -> None:
    """`full` writes every item, whatever the table is thought to hold."""
    command = ["--bucket", stack.bucket, "--table", stack.table, "--version", str(version)]
    ended = subprocess.run(
        [sys.executable, "-m", "emr_jobs.publishing.publication", *command, *(["--full"] if full else [])],
        check=False,
    )
    if ended.returncode:
        raise ProblemError(f"{version} is not live; the message stands above. Run it again: it goes on")


def check_gate(stack: Stack, version: Version) -> None:
    """Raises RefusedVersionError where the gate said no, ProblemError where the version is not whole."""
    found = card(stack.bucket, version)
    if found is None:
        raise ProblemError(f"there is no whole version {version} here: `cadabra versions` lists them")
    if not found["gate"]["passed"]:
        reasons = "; ".join(found["gate"]["reasons"])
        raise RefusedVersionError(
            f"the gate refused {version}: {reasons}. To put it live anyway, add --anyway"
        )


def card(bucket: str, version: Version) -> dict[str, Any] | None:
    """The version's model card, or None where it has none: it was never wholly exported, or is deleted."""
    s3 = client("s3")
    try:
        found: dict[str, Any] = json.loads(s3.get_object(Bucket=bucket, Key=version.card)["Body"].read())
    except s3.exceptions.NoSuchKey:
        return None
    return found
