"""The command line: python -m log_generator shop | replay | backfill."""

import argparse
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from contracts.order_line import FUTURE_ALLOWANCE
from log_generator.backfill import backfill
from log_generator.command_line import DEFAULT_WEEKS, parser
from log_generator.errors import GeneratorError, RequestError
from log_generator.log_files import Rotation
from log_generator.opening import Opening, run_shop
from log_generator.order_file import OrderFile, survey
from log_generator.pace import stopping_on_signals
from log_generator.progress import progress
from log_generator.replay import Replay, run_replay
from log_generator.tally import Tally
from log_generator.traffic import DAY_S, HOUR_S
from log_generator.truth import save_truth

_WEEK_S = 7 * DAY_S
_GOES_ON = "stopped early; the same command goes on from here"
_STOPPED = 130  # as a shell says it of a run that was interrupted


def main(argv: Sequence[str] | None = None) -> int:
    options = parser().parse_args(argv)
    run = {"shop": _shop, "replay": _replay, "backfill": _backfill}[options.command]
    try:
        return run(options)
    except (GeneratorError, OSError) as error:
        print(f"log_generator {options.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"log_generator {options.command}: {_GOES_ON}", file=sys.stderr)
        return _STOPPED


def _shop(options: argparse.Namespace) -> int:
    length_s = options.hours * HOUR_S if options.hours else (options.weeks or 0) * _WEEK_S
    lines = options.lines
    if options.rate and length_s and lines is None:
        lines = max(1, round(options.rate * length_s))
    end = options.end or time.time()
    if end > time.time() + FUTURE_ALLOWANCE.total_seconds():
        print("shop: --end lies ahead, and ingest rejects orders from the future", file=sys.stderr)
    opening = Opening(
        folder=options.out,
        end=int(end),
        window_s=int(length_s or DEFAULT_WEEKS * _WEEK_S),
        lines=lines,
        lines_per_s=options.rate,
        seed=options.seed,
        source=options.source,
        dirt=options.dirt,
        customers=options.customers,
        items=options.items,
        rotation=_rotation(options),
    )
    wanted = None if options.rate and lines is None else opening.size_lines
    began = time.perf_counter()
    with stopping_on_signals() as stop, progress("orders", wanted) as advance:
        tally, shop = run_shop(opening, stop, advance)
    if options.truth:
        save_truth(options.truth, shop.catalogue, shop.customers)
    return _report(tally, options.json, began, stopped=stop.is_set() and wanted is not None)


def _report(tally: Tally, path: Path | None, began: float, *, stopped: bool) -> int:
    if path:
        tally.save(path)
    print(f"{tally.sentence()} ({tally.lines / (time.perf_counter() - began):,.0f} lines/s)")
    if stopped:
        print(_GOES_ON, file=sys.stderr)
    return _STOPPED if stopped else 0


def _rotation(options: argparse.Namespace) -> Rotation:
    return Rotation(options.rotate_bytes, options.rotate == "hour", options.copytruncate)


def _replay(options: argparse.Namespace) -> int:
    replay = Replay(
        folder=options.out,
        shifted=options.shifted,
        lines=options.lines,
        lines_per_s=options.rate,
        rotation=_rotation(options),
    )
    orders = _surveyed(options.file)
    began = time.perf_counter()
    with stopping_on_signals() as stop, progress("lines", options.lines or orders.lines) as advance:
        tally = run_replay(replay, orders, stop, advance)
    return _report(tally, options.json, began, stopped=stop.is_set())


def _surveyed(path: Path) -> OrderFile:
    with progress("reading", None) as advance:
        return survey(path, advance)


def _backfill(options: argparse.Namespace) -> int:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    orders = _surveyed(options.file)
    weeks = orders.weeks_until(datetime.now(UTC)) if options.shifted else 0
    try:
        with progress("lines", orders.lines) as advance, closing(boto3.client("s3")) as s3:
            done = backfill(orders, weeks, s3, options.bucket, advance)
    except (BotoCoreError, ClientError) as error:
        raise RequestError(f"bucket {options.bucket}: {error}. What is there stays; run it again") from error
    if options.json:
        done.tally.save(options.json)
    print(done.sentence())
    return 0


if __name__ == "__main__":
    sys.exit(main())
