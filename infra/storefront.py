"""The shop's side of a machine: its log folder, the agent that ships it, and the catalogue it hands over."""

import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from contracts.s3_layout import CATALOGUE
from infra import console
from infra.clients import client
from infra.problem import ProblemError
from infra.stack import Stack

RECORD_BYTES = 512_000  # many lines in a record: Firehose bills each by 5 KB
POLL_S = 0.2
DELIVERY_DEADLINE_S = 120.0


def shop_folder(data: Path) -> Path:
    return data / "shop"


def generate(data: Path, arguments: list[str]) -> None:
    """Let the simulated shop write order lines; `arguments` are the log generator's own."""
    out = [] if "--out" in arguments else ["--out", str(shop_folder(data))]
    _run(["log_generator", "shop", *out, *arguments], "the log generator")


def ship(data: Path, stack: Stack) -> None:
    """Everything written so far through the agent into S3, and the catalogue beside it."""
    folder = shop_folder(data)
    if not any(folder.glob("orders.log*")):
        raise ProblemError(f"{folder} holds no order log: run `cadabra generate` first")
    config = agent_config(data, stack)
    _run(["firehose.agent", "-c", str(config), "--until-idle"], "the agent")
    catalogue = folder / "catalogue.csv"
    if catalogue.exists():
        client("s3").put_object(Bucket=stack.bucket, Key=CATALOGUE, Body=catalogue.read_bytes())
    with console.waiting("Firehose writes its objects"):
        wait_until_delivered(stack.stream)


def agent_config(data: Path, stack: Stack) -> Path:
    """The agent's configuration for this log folder and stream, in the Amazon Kinesis Agent's format."""
    home = data / "agent"
    home.mkdir(parents=True, exist_ok=True)
    config = {
        "checkpointFile": str((home / "checkpoints").resolve()),
        "cloudwatch.emitMetrics": False,
        "flows": [
            {
                "filePattern": str(shop_folder(data).resolve() / "orders.log*"),
                "deliveryStream": stack.stream,
                "initialPosition": "START_OF_FILE",
                "aggregatedRecordSizeBytes": RECORD_BYTES,
            }
        ],
    }
    path = home / "agent.json"
    path.write_text(json.dumps(config, indent=2))
    return path


def wait_until_delivered(stream: str) -> None:
    """Until the local Firehose has written what it acknowledged; AWS's own tells nobody."""
    deadline = time.monotonic() + DELIVERY_DEADLINE_S
    endpoint = client("firehose").meta.endpoint_url
    if "amazonaws" in endpoint:
        return
    while pending := (backlog := _backlog(endpoint, stream))["pending_records"]:
        if time.monotonic() > deadline:
            why = backlog["last_error"] or "no error"
            raise ProblemError(
                f"Firehose still holds {pending} records after {DELIVERY_DEADLINE_S:.0f} s ({why}). "
                "They are safe on disk; it goes on trying"
            )
        time.sleep(POLL_S)


def _backlog(endpoint: str, stream: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{endpoint}/_delivery/health", timeout=10) as answer:
        backlog: dict[str, Any] = json.load(answer)["streams"][stream]
        return backlog


def _run(module: list[str], what: str) -> None:
    ended = subprocess.run([sys.executable, "-m", *module], check=False)
    if ended.returncode:
        raise ProblemError(f"{what} stopped with exit code {ended.returncode}; its message stands above")
