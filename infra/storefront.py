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

LOGS = "orders.log*"  # what the shop writes, and what it was rotated to
REPLAYS = "replays"
RECORD_BYTES = 512_000  # many lines in a record: Firehose bills each by 5 KB
POLL_S = 0.2
DELIVERY_DEADLINE_S = 120.0


def shop_folder(data: Path) -> Path:
    return data / "shop"


def generate(data: Path, arguments: list[str]) -> None:
    """Let the simulated shop write order lines; `arguments` are the log generator's own."""
    _run(["log_generator", "shop", *_out(shop_folder(data), arguments), *arguments], "the log generator")


def replay(data: Path, arguments: list[str]) -> None:
    """A real order file written as the shop would write it, into a log folder of its own."""
    names = [Path(text).stem for text in arguments if not text.startswith("-")]
    out = _out(data / REPLAYS / (names[0] if names else ""), arguments)
    _run(["log_generator", "replay", *out, *arguments], "the replay")


def backfill(bucket: str, arguments: list[str]) -> None:
    """A real order file straight into the hours of S3 it belongs to."""
    _run(["log_generator", "backfill", "--bucket", bucket, *arguments], "the backfill")


def _out(folder: Path, arguments: list[str]) -> list[str]:
    return [] if "--out" in arguments else ["--out", str(folder)]


def log_folders(data: Path) -> list[Path]:
    """The shop's log folder and those of replays, where there is a log in them."""
    folders = [shop_folder(data), *sorted((data / REPLAYS).glob("*"))]
    return [folder for folder in folders if any(folder.glob(LOGS))]


def ship(data: Path, stack: Stack) -> None:
    """Everything written so far through the agent into S3, and the catalogue beside it."""
    folders = log_folders(data)
    if not folders:
        raise ProblemError(f"{shop_folder(data)} holds no order log: run `cadabra generate` first")
    config = agent_config(data, stack, folders)
    _run(["firehose.agent", "-c", str(config), "--until-idle"], "the agent")
    catalogue = shop_folder(data) / "catalogue.csv"
    if catalogue.exists():
        hand_over(catalogue, stack.bucket)
    with console.waiting("Firehose writes its objects"):
        wait_until_delivered(stack.stream)


def hand_over(catalogue: Path, bucket: str) -> None:
    """What the shop sells, to where publish hears of it."""
    client("s3").put_object(Bucket=bucket, Key=CATALOGUE, Body=catalogue.read_bytes())


def agent_config(data: Path, stack: Stack, folders: list[Path]) -> Path:
    """The agent's configuration for these folders and the stream, in the Amazon Kinesis Agent's format."""
    home = data / "agent"
    home.mkdir(parents=True, exist_ok=True)
    config = {
        "checkpointFile": str((home / "checkpoints").resolve()),
        "cloudwatch.emitMetrics": False,
        "flows": [
            {
                "filePattern": str(folder.resolve() / LOGS),
                "deliveryStream": stack.stream,
                "initialPosition": "START_OF_FILE",
                "aggregatedRecordSizeBytes": RECORD_BYTES,
            }
            for folder in folders
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
