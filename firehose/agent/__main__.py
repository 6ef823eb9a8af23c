"""`python -m firehose.agent`: ships the lines of log files to Firehose or Kinesis and loses none."""

import argparse
import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from firehose.agent import clients
from firehose.agent.checkpoint import Checkpoint, CheckpointError
from firehose.agent.config import ConfigError, Flow, Settings, load
from firehose.agent.destination import destination
from firehose.agent.display import Display
from firehose.agent.files import Follower
from firehose.agent.flow import FlowAtWork
from firehose.agent.metrics import Metrics
from firehose.agent.quarantine import Quarantine
from firehose.agent.shipping import Circuit, Sender
from firehose.agent.status import Counts, FlowStatus

MIB = 1024 * 1024
DEFAULT_BUDGET_MIB = 32  # of lines in memory for each flow: eight full batches
DEFAULT_GIVE_UP_SECONDS = 60.0
COMMIT_POLL_SECONDS = 0.02  # between looks for something to commit; a commit itself takes about that long
STATUS_SECONDS = 0.5


class GaveUpError(RuntimeError):
    """--until-idle could not end; the message says what stood in the way."""


class Agent:
    def __init__(self, settings: Settings, budget_bytes: int, *, until_idle: bool) -> None:
        self.settings, self._until_idle = settings, until_idle
        self.started = time.monotonic()
        self.checkpoint = Checkpoint(settings.checkpoint)
        self.stopping = threading.Event()  # stop reading
        self.leaving = threading.Event()  # stop sending
        self.failure: BaseException | None = None
        self.flows = [self._flow(flow, budget_bytes) for flow in settings.flows]

    def _flow(self, flow: Flow, budget_bytes: int) -> FlowAtWork:
        counts, circuit = Counts(), Circuit()
        quarantine = Quarantine(
            self.settings.checkpoint.with_name(self.settings.checkpoint.name + ".quarantine")
        )
        target = destination(flow, clients.client(flow.kind, self.settings))
        threads = max(1, self.settings.sending_threads // len(self.settings.flows))
        senders = [
            Sender(flow, target, quarantine, counts, circuit, self.leaving, warn) for _ in range(threads)
        ]
        follower = Follower(flow, self.checkpoint, warn, keep_days=self.settings.checkpoint_days)
        return FlowAtWork(
            follower, senders, counts, budget_bytes, until_idle=self._until_idle, stopping=self.stopping
        )

    def start(self) -> None:
        for flow in self.flows:
            flow.follower.begin()
        for flow in self.flows:
            threading.Thread(target=self._guarded, args=(flow.run,), daemon=True).start()
        self._committer = threading.Thread(target=self._guarded, args=(self._commit,), daemon=True)
        self._committer.start()

    def statuses(self) -> list[FlowStatus]:
        return [flow.status() for flow in self.flows]

    def finished(self) -> bool:
        return self.failure is not None or self.stopping.is_set() or (self._until_idle and self.idle())

    def idle(self) -> bool:
        return all(flow.idle.is_set() for flow in self.flows)

    def stop(self, patience_seconds: float) -> None:
        """Stop reading, let what is under way be acknowledged within the time for it, commit."""
        self.stopping.set()
        deadline = time.monotonic() + patience_seconds
        while self.failure is None and time.monotonic() < deadline and not self._drained():
            time.sleep(0.02)
        self.leaving.set()
        self._committer.join()
        if self.failure is None:
            self._commit_once()
        self.checkpoint.close()

    def _drained(self) -> bool:
        return all(flow.finished.is_set() and flow.window.empty() for flow in self.flows)

    def _commit(self) -> None:
        while not self.leaving.is_set():
            if not self._commit_once():
                self.leaving.wait(COMMIT_POLL_SECONDS)

    def _commit_once(self) -> bool:
        positions = [position for flow in self.flows for position in flow.positions()]
        if positions:
            self.checkpoint.store(positions)
        return bool(positions)

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 (the main thread says it and ends the process)
            self.failure = self.failure or error


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
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
    agent = Agent(settings, options.memory_mib * MIB, until_idle=options.until_idle)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_arguments: agent.stopping.set())
    agent.start()
    metrics = Metrics(settings, agent.statuses) if settings.emit_metrics else None
    gave_up = ""
    with Display(settings.report_seconds) as display:
        while not agent.finished() and not gave_up:
            display.show(agent.statuses())
            _write_status(options.status_json, agent)
            gave_up = _hopeless(agent, options.give_up_seconds) if options.until_idle else ""
            agent.stopping.wait(0.02 if options.until_idle else STATUS_SECONDS)
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
    content = json.dumps({"flows": [asdict(flow) for flow in agent.statuses()]}, indent=1)
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.write_text(content)
    unfinished.replace(path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m firehose.agent",
        description="Ships the lines of log files to Firehose or Kinesis, each at least once.",
        epilog="Only acknowledged lines move the checkpoint: whatever is killed, nothing is lost.",
    )
    parser.add_argument(
        "-c", "--config", type=Path, required=True, help="agent.json, in the Amazon Kinesis Agent's format"
    )
    parser.add_argument(
        "--until-idle", action="store_true", help="end when everything written so far is acknowledged"
    )
    parser.add_argument(
        "--give-up-seconds",
        type=float,
        default=DEFAULT_GIVE_UP_SECONDS,
        help="with --until-idle: end with an error when nothing is acknowledged for so long (%(default)s)",
    )
    parser.add_argument("--status-json", type=Path, help="keep the status as JSON in this file")
    parser.add_argument(
        "--memory-mib",
        type=int,
        default=DEFAULT_BUDGET_MIB,
        help="lines that may wait in memory for their acknowledgement, for each flow (%(default)s MiB)",
    )
    return parser


def warn(message: str) -> None:
    print(f"firehose.agent: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
