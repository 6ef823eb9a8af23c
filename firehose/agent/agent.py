"""The flows of agent.json at work in one process, and the one committer of their checkpoint."""

import sys
import threading
import time
from collections.abc import Callable

from firehose.agent import clients
from firehose.agent.checkpoint import Checkpoint
from firehose.agent.config import Flow, Settings
from firehose.agent.destination import destination
from firehose.agent.files import Follower
from firehose.agent.flow import FlowAtWork
from firehose.agent.quarantine import Quarantine
from firehose.agent.shipping import Circuit, Sender
from firehose.agent.status import Counts, FlowStatus

COMMIT_POLL_SECONDS = 0.02  # between looks for something to commit; a commit itself takes about that long


class Agent:
    def __init__(self, settings: Settings, budget_bytes: int, *, until_idle: bool) -> None:
        self.settings, self._until_idle = settings, until_idle
        self.started = time.monotonic()
        self.checkpoint = Checkpoint(settings.checkpoint)
        self.stopping = threading.Event()  # stop reading
        self.leaving = threading.Event()  # stop sending
        self.impatient = threading.Event()  # told to stop a second time
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
        while self.failure is None and time.monotonic() < deadline and self._hopeful():
            self.impatient.wait(0.02)
        self.leaving.set()
        self._committer.join()
        if self.failure is None:
            self._commit_once()
        self.checkpoint.close()

    def _hopeful(self) -> bool:
        """Whether something under way may still be acknowledged soon."""
        if self.impatient.is_set():
            return False
        return any(not (flow.drained() or flow.status().waiting) for flow in self.flows)

    def told_to_stop(self, *_arguments: object) -> None:
        """SIGTERM, Ctrl-C. The second one waits for nothing more: what is not acknowledged is sent again."""
        if self.stopping.is_set():
            self.impatient.set()
        self.stopping.set()

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


def warn(message: str) -> None:
    print(f"firehose.agent: {message}", file=sys.stderr, flush=True)
