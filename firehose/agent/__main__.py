"""`python -m firehose.agent`: ships the lines of log files to Firehose or Kinesis and loses none."""

import argparse
import json
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from firehose.agent.agent import Agent, warn
from firehose.agent.checkpoint import CheckpointError
from firehose.agent.command_line import parser
from firehose.agent.config import ConfigError, Settings, load
from firehose.agent.display import Display
from firehose.agent.memory import give_back_large_blocks
from firehose.agent.metrics import Metrics

MIB = 1024 * 1024
STATUS_SECONDS = 0.5


class GaveUpError(RuntimeError):
    """--until-idle could not end; the message says what stood in the way."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    try:
        settings = load(options.config)
        for warning in settings.warnings:
            warn(warning)
        return run(settings, options)
    except (ConfigError, CheckpointError, GaveUpError, OSError) as error:
        print(f"firehose.agent: {error}", file=sys.stderr)
        return 1


def run(settings: Settings, options: argparse.Namespace) -> int:
    started = time.monotonic()
    give_back_large_blocks()
    agent = Agent(settings, options.memory_mib * MIB, until_idle=options.until_idle)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, agent.told_to_stop)
    asked = threading.Event()
    signal.signal(signal.SIGUSR1, lambda *_arguments: asked.set())
    agent.start()
    metrics = Metrics(settings, agent.statuses) if settings.emit_metrics else None
    gave_up = ""
    with Display(settings.report_seconds) as display:
        while not agent.finished() and not gave_up:
            display.show(agent.statuses())
            _write_status(options.status_json, agent)
            if asked.is_set():
                asked.clear()
                print(_as_json(agent, indent=None), flush=True)
            gave_up = _hopeless(agent, options.give_up_seconds) if options.until_idle else ""
            agent.stopping.wait(0.02 if options.until_idle else STATUS_SECONDS)
    if agent.stopping.is_set() and sys.stderr.isatty():
        patience = settings.shutdown_seconds
        warn(f"stopping: up to {patience:g} s for what is under way; Ctrl-C again ends it now")
    agent.stop(0.0 if gave_up else settings.shutdown_seconds)
    _write_status(options.status_json, agent)
    if metrics:
        metrics.close()
    if agent.failure is not None:
        raise agent.failure
    print(_summary(agent, time.monotonic() - started), flush=True)
    if gave_up:
        raise GaveUpError(gave_up)
    return 0


def _hopeless(agent: Agent, patience_seconds: float) -> str:
    """Why --until-idle should end without being done, or empty."""
    for flow in agent.flows:
        status = flow.status()
        waited = time.monotonic() - max(flow.counts.last_acknowledged, agent.started)
        if status.in_flight_bytes and waited > patience_seconds:
            why = status.waiting or status.last_error or "it does not answer"
            return (
                f"{flow.follower.flow.stream} acknowledged nothing for {waited:.0f} s: {why.rstrip('.')}. "
                f"Nothing is lost: {status.lag_bytes:,} bytes wait in the files; start the agent again when "
                "the stream is there"
            )
    return ""


def _summary(agent: Agent, seconds: float) -> str:
    flows = agent.statuses()
    unfinished = sum(flow.unfinished_bytes for flow in flows)
    waiting = sum(flow.lag_bytes for flow in flows)
    return (
        f"shipped {sum(flow.lines for flow in flows):,} lines in "
        f"{sum(flow.records for flow in flows):,} records, "
        f"{sum(flow.bytes for flow in flows):,} bytes, {sum(flow.retries for flow in flows):,} retries, "
        f"{sum(flow.quarantined for flow in flows):,} quarantined, {seconds:.1f} s"
        + (f"; {unfinished:,} bytes of unfinished last lines wait" if unfinished else "")
        + (f"; {waiting - unfinished:,} bytes are not acknowledged yet" if waiting > unfinished else "")
    )


def _write_status(path: Path | None, agent: Agent) -> None:
    if path is None:
        return
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.write_text(_as_json(agent, indent=1))
    unfinished.replace(path)


def _as_json(agent: Agent, indent: int | None) -> str:
    return json.dumps({"flows": [asdict(flow) for flow in agent.statuses()]}, indent=indent)


if __name__ == "__main__":
    sys.exit(main())
