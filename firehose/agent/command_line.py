"""What the agent can be asked for: its options."""

import argparse
import re
from pathlib import Path

DEFAULT_BUDGET_MIB = 32  # of lines in memory for each flow: eight full batches
DEFAULT_GIVE_UP_SECONDS = 60.0


def parser() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser(
        prog="python -m firehose.agent",
        description="Ships the lines of log files to Firehose or Kinesis, each at least once.",
        epilog="Only acknowledged lines move the checkpoint: whatever is killed, nothing is lost. SIGTERM or "
        "Ctrl-C ends it cleanly. kill -USR1 prints the status as one line of JSON to standard output.",
    )
    whole.add_argument(
        "-c",
        "--config",
        type=Path,
        required=True,
        metavar="FILE",
        help="agent.json, in the Amazon Kinesis Agent's format",
    )
    whole.add_argument(
        "--until-idle", action="store_true", help="end when everything written so far is acknowledged"
    )
    whole.add_argument(
        "--give-up-seconds",
        type=_seconds,
        default=DEFAULT_GIVE_UP_SECONDS,
        metavar="SECONDS",
        help="with --until-idle: end with an error when nothing is acknowledged for so long (%(default)s)",
    )
    whole.add_argument(
        "--status-json",
        type=Path,
        metavar="FILE",
        help="keep the status as JSON in this file, twice a second",
    )
    whole.add_argument(
        "--memory-mib",
        type=_mebibytes,
        default=DEFAULT_BUDGET_MIB,
        metavar="MIB",
        help="lines that may wait in memory for their acknowledgement, for each flow (%(default)s). With the "
        "whole budget full, reading stops. Beside it the process needs some 60 MiB, and for each of "
        "maxSendingThreads up to twice maxBufferSizeBytes in boto3",
    )
    return whole


def _seconds(text: str) -> float:
    value = float(text) if re.fullmatch(r"[0-9]+(\.[0-9]*)?", text) else 0.0
    if not value:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return value


def _mebibytes(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of MiB above 0")
    return int(text)
