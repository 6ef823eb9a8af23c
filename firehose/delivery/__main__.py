"""`python -m firehose.delivery`: a local Firehose for boto3, with its state in one directory."""

import argparse
import fcntl
import functools
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

from firehose.delivery.carrier import Carrier
from firehose.delivery.faults import Faults, FaultsError, Rates
from firehose.delivery.kinesis_source import KinesisSource
from firehose.delivery.server import Endpoint, Server
from firehose.delivery.spool import SpoolDamagedError
from firehose.delivery.stream import Stream
from firehose.delivery.streams import Streams

MIB = 1024 * 1024
DEFAULT_BUDGET_MIB = 4096  # of unsent records on disk for each stream
CONNECT_SECONDS = 5
READ_SECONDS = 60


class StartError(RuntimeError):
    """The endpoint cannot start; the message says what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        return serve(options)
    except (StartError, SpoolDamagedError, FaultsError, OSError) as error:
        print(f"firehose.delivery: {error}", file=sys.stderr)
        return 1


def serve(options: argparse.Namespace) -> int:
    rates = _rates(options.faults)
    lock = _only_one(options.data)
    client = functools.cache(aws_client)

    def begin(stream: Stream, forget: Callable[[Stream], None]) -> None:
        Carrier(stream, lambda: client("s3"), forget, functions=lambda: client("lambda")).start()
        if stream.definition.kinesis_arn:
            KinesisSource(stream, lambda: client("kinesis"), time.time).start()

    streams = Streams(options.data / "streams", options.budget_mib * MIB, time.time, begin)
    with Server((options.host, options.port), Endpoint(streams, Faults(rates))) as server:
        _stop_on_signals(server)
        host, port = server.server_address[:2]
        print(f"listening on http://{host!s}:{port}", flush=True)
        threading.Thread(target=client, args=("s3",), daemon=True).start()  # boto3 takes a second
        server.serve_forever(poll_interval=0.2)
    for stream in streams.all():
        stream.stop()
    lock.close()
    return 0


def aws_client(service: str) -> Any:
    """AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_<SERVICE> choose where it goes."""
    import boto3
    from botocore.config import Config

    return boto3.client(
        service,
        config=Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"total_max_attempts": 1},  # the carrier and the source repeat
            s3={"addressing_style": "path"},  # an emulator has no name for each bucket
        ),
    )


def _stop_on_signals(server: Server) -> None:
    def stop(*_arguments: object) -> None:
        threading.Thread(target=server.shutdown, daemon=True).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


def _only_one(data: Path) -> IO[bytes]:
    data.mkdir(parents=True, exist_ok=True)
    lock = (data / "lock").open("wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise StartError(
            f"another firehose.delivery works in {data}: stop it or choose another --data"
        ) from error
    return lock


def _rates(given: str | None) -> Rates:
    if not given:
        return Rates()
    try:
        plain = json.loads(given if given.lstrip().startswith("{") else Path(given).read_text())
    except ValueError as error:
        raise FaultsError(f"--faults {given} is not JSON: {error}") from error
    if not isinstance(plain, dict):
        raise FaultsError(f"--faults {given} is not a JSON object")
    return Rates.parse(plain)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m firehose.delivery",
        description="A local Firehose: point boto3 at it with AWS_ENDPOINT_URL_FIREHOSE.",
        epilog="It writes to S3 with boto3, at AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL where they are set.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one")
    parser.add_argument("--data", type=Path, required=True, help="directory of all state")
    parser.add_argument(
        "--budget-mib",
        type=int,
        default=DEFAULT_BUDGET_MIB,
        help="disk a stream may hold for S3 before puts get ServiceUnavailableException (%(default)s MiB)",
    )
    parser.add_argument(
        "--faults",
        help='JSON or a file of it, such as \'{"partial": 0.1, "timeout": 0.05, "seed": 7}\': shares of '
        "throttle, error, timeout, partial; hang_seconds; seed. PUT /_delivery/faults turns it later",
    )
    return parser


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # what is acknowledged is on disk; a put to S3 that hangs must not keep the process
