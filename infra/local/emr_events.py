"""State changes of clusters and steps, as EMR tells them to EventBridge, sent at least once and in order."""

import json
import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from infra.local.emr_records import Cluster, ClusterState, Step, StepState

SOURCE = "local.emr"  # aws.* is refused from anyone but AWS; rules match both
RETRY_SECONDS = 2.0
_ENTRIES_A_CALL = 10  # PutEvents takes no more

_CLUSTER_MESSAGES = {
    ClusterState.STARTING: "was requested at {at} and is being created.",
    ClusterState.RUNNING: "began running steps at {at}.",
    ClusterState.WAITING: "waits for steps since {at}.",
    ClusterState.TERMINATING: "is terminating since {at}.",
    ClusterState.TERMINATED: "has terminated at {at} with a reason of {code}.",
    ClusterState.TERMINATED_WITH_ERRORS: "has terminated with errors at {at} with a reason of {code}.",
}
_STEP_MESSAGES = {
    StepState.PENDING: "was added to Amazon EMR cluster {cluster} at {at} and is pending execution.",
    StepState.RUNNING: "in Amazon EMR cluster {cluster} started running at {at}.",
    StepState.COMPLETED: "in Amazon EMR cluster {cluster} completed execution at {at}.",
    StepState.CANCELLED: "in Amazon EMR cluster {cluster} was cancelled at {at}.",
    StepState.FAILED: "in Amazon EMR cluster {cluster} failed at {at}.",
}

log = logging.getLogger(__name__)


def cluster_event(cluster: Cluster, now: float) -> dict[str, str] | None:
    """None for a state of which EMR sends none."""
    if cluster.state not in _CLUSTER_MESSAGES:
        return None
    message = _CLUSTER_MESSAGES[cluster.state].format(at=_minute(now), code=cluster.reason_code or "none")
    reason = {"code": cluster.reason_code, "message": cluster.reason} if cluster.reason_code else {"code": ""}
    return _entry(
        "EMR Cluster State Change",
        {
            "severity": "CRITICAL" if cluster.state is ClusterState.TERMINATED_WITH_ERRORS else "INFO",
            "stateChangeReason": json.dumps(reason),
            "name": cluster.name,
            "clusterId": cluster.id,
            "state": cluster.state.value,
            "message": f"Amazon EMR cluster {cluster.id} ({cluster.name}) {message}",
        },
    )


def step_event(cluster: Cluster, step: Step, now: float) -> dict[str, str]:
    message = _STEP_MESSAGES[step.state].format(at=_minute(now), cluster=f"{cluster.id} ({cluster.name})")
    return _entry(
        "EMR Step Status Change",
        {
            "severity": "ERROR" if step.state is StepState.FAILED else "INFO",
            "actionOnFailure": step.on_failure.value,
            "stepId": step.id,
            "name": step.name,
            "clusterId": cluster.id,
            "state": step.state.value,
            "message": f"Step {step.id} ({step.name}) {message}",
        },
    )


def _entry(detail_type: str, detail: dict[str, str]) -> dict[str, str]:
    return {"Source": SOURCE, "DetailType": detail_type, "Detail": json.dumps(detail)}


def _minute(now: float) -> str:
    return f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M} UTC"


class Sender:
    """Sends what `take` gives out; what the bus does not take is offered again until it does.

    `take` returns the oldest unsent entries, `sent` strikes out as many.
    """

    def __init__(
        self,
        bus: Any,
        take: Callable[[int], list[dict[str, str]]],
        sent: Callable[[list[dict[str, str]]], None],
    ) -> None:
        self._bus = bus
        self._take = take
        self._sent = sent
        self._news = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="events", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        self._news.set()

    def stop(self) -> None:
        """After one more attempt at what is unsent; the rest goes out after the next start."""
        self._stopping.set()
        self._news.set()
        self._thread.join()

    def _run(self) -> None:
        failing = False
        while True:
            self._news.wait(RETRY_SECONDS if failing else None)
            self._news.clear()
            last_round = self._stopping.is_set()
            try:
                while entries := self._take(_ENTRIES_A_CALL):
                    self._send(entries)
                failing = False
            except Exception as error:  # noqa: BLE001  whatever it is, the events stay and are offered again
                if not failing:
                    log.warning("state changes wait: the event bus does not take them (%s)", error)
                failing = True
            if last_round:
                return

    def _send(self, entries: list[dict[str, str]]) -> None:
        answers = self._bus.put_events(Entries=entries)["Entries"]
        taken = next((i for i, answer in enumerate(answers) if "ErrorCode" in answer), len(entries))
        self._sent(entries[:taken])
        if taken < len(entries):
            raise RuntimeError(f"{answers[taken]['ErrorCode']}: {answers[taken].get('ErrorMessage', '')}")
