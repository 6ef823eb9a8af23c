"""The lives of clusters: each has a thread that runs its steps in order until there is a reason to end.

The API's threads change a cluster under the same lock and wake its thread.
"""

import logging
import os
import shutil
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from infra.local import emr_events, processes
from infra.local.emr_records import Cluster, ClusterState, OnFailure, Records, Step, StepState
from infra.local.emr_steps import StepRun

# From SIGTERM to SIGKILL of a step: time for a job to give back its lease.
STEP_GRACE_SECONDS = 5.0
FAULT_STATUS = 70  # EX_SOFTWARE
KILLED = "The local EMR was killed while the cluster was active"
STOPPED = "The local EMR was stopped while the cluster was active"

log = logging.getLogger(__name__)


class ClusterOverError(RuntimeError):
    """The cluster takes no more steps."""


class Clusters:
    def __init__(self, records: Records, steps_folder: Path, s3: Any, bus: Any) -> None:
        self._records = records
        self._steps_folder = steps_folder
        self._s3 = s3
        self._changed = threading.Condition(threading.RLock())
        self._all = {cluster.id: cluster for cluster in records.load()}
        self._running: dict[str, processes.Guarded] = {}  # by cluster
        self._interrupted: set[str] = set()  # running steps that someone cancelled
        self._threads: list[threading.Thread] = []
        self._sender = emr_events.Sender(bus, self._unsent, self._strike_out)
        with self._changed:
            self._bury_the_killed()
        self._clear_forgotten_steps()
        self._sender.wake()  # for what an earlier process could not send

    @property
    def unchanging(self) -> threading.Condition:
        """Within it no cluster changes."""
        return self._changed

    def get(self, cluster_id: str) -> Cluster | None:
        return self._all.get(cluster_id)

    def newest_first(self) -> list[Cluster]:
        return list(reversed(self._all.values()))

    def start(self, cluster: Cluster) -> None:
        with self._changed:
            self._all[cluster.id] = cluster
            self._tell(cluster, cluster.steps)
            thread = threading.Thread(target=self._live, args=(cluster,), name=cluster.id)
            self._threads = [*(old for old in self._threads if old.is_alive()), thread]
            thread.start()
        log.info("cluster %s (%s) starts with %d steps", cluster.id, cluster.name, len(cluster.steps))

    def add_steps(self, cluster: Cluster, steps: Sequence[Step]) -> None:
        with self._changed:
            if cluster.state.over or cluster.state is ClusterState.TERMINATING:
                raise ClusterOverError
            cluster.steps += steps
            self._tell(cluster, steps, cluster_changed=False)
            self._changed.notify_all()

    def terminate(self, cluster: Cluster) -> None:
        self._ask_to_end(cluster, "USER_REQUEST", "Terminated by user request")

    def cancel(self, cluster: Cluster, step_id: str) -> bool:
        """False where the step is over already."""
        with self._changed:
            step = next(step for step in cluster.steps if step.id == step_id)
            if step.state.over:
                return False
            if step.state is StepState.RUNNING:
                self._interrupted.add(step_id)
                self._end_process(cluster)
            else:
                self._end_step(cluster, step, StepState.CANCELLED, "Cancelled by user request")
            return True

    def stop(self) -> None:
        """The local EMR ends: every active cluster ends with an error that says so."""
        with self._changed:
            active = [cluster for cluster in self._all.values() if not cluster.state.over]
        for cluster in active:
            self._ask_to_end(cluster, "INTERNAL_ERROR", STOPPED)
        for thread in self._threads:
            thread.join()
        self._sender.stop()

    def _bury_the_killed(self) -> None:
        """What was active when an earlier process of ours was killed."""
        for cluster in list(self._all.values()):
            if cluster.state.over:
                continue
            for step in cluster.steps:
                if step.process and processes.kill_leftover(processes.Identity(**step.process)):
                    log.warning("killed what was left of step %s (%s)", step.id, step.name)
                if step.state is StepState.RUNNING:
                    self._end_step(cluster, step, StepState.FAILED, KILLED)
            self._finish(cluster, ClusterState.TERMINATED_WITH_ERRORS, "INTERNAL_ERROR", KILLED)

    def _clear_forgotten_steps(self) -> None:
        """The logs of clusters that are remembered no more."""
        known = {step.id for cluster in self._all.values() for step in cluster.steps}
        for folder in self._steps_folder.glob("s-*"):
            if folder.name not in known:
                shutil.rmtree(folder)

    def _live(self, cluster: Cluster) -> None:
        try:
            with self._changed:
                self._become(cluster, ClusterState.BOOTSTRAPPING)
                cluster.ready = time.time()
            while step := self._await_step(cluster):
                self._run(cluster, step)
            with self._changed:
                self._finish(cluster, self._last_state(cluster), cluster.reason_code, cluster.reason)
        except Exception:
            # Its state can no longer be told or written (a full disk, a fault in here). As after a kill, the
            # next start ends the cluster and says so; the guardians end the steps now.
            log.exception("cluster %s: a fault of the local EMR itself, which ends now", cluster.id)
            os._exit(FAULT_STATUS)

    @staticmethod
    def _last_state(cluster: Cluster) -> ClusterState:
        ended_well = cluster.reason_code in {"USER_REQUEST", "ALL_STEPS_COMPLETED"}
        return ClusterState.TERMINATED if ended_well else ClusterState.TERMINATED_WITH_ERRORS

    def _await_step(self, cluster: Cluster) -> Step | None:
        """The next step, waited for if the cluster stays; None when the cluster is to end."""
        idle_seconds = (cluster.request.get("AutoTerminationPolicy") or {}).get("IdleTimeout")
        idle_until = time.monotonic() + idle_seconds if idle_seconds else None
        with self._changed:
            while True:
                if cluster.state is ClusterState.TERMINATING:
                    return None
                if step := cluster.next_step():
                    self._become(cluster, ClusterState.RUNNING)
                    step.state, step.started = StepState.RUNNING, time.time()
                    self._tell(cluster, [step], cluster_changed=False)
                    return step
                if not cluster.stays:
                    self._ask_to_end(cluster, "ALL_STEPS_COMPLETED", _completed(cluster))
                elif idle_until and time.monotonic() >= idle_until:
                    self._ask_to_end(cluster, "ALL_STEPS_COMPLETED", f"Idle for {idle_seconds} seconds")
                else:
                    self._become(cluster, ClusterState.WAITING)
                    self._changed.wait(idle_until - time.monotonic() if idle_until else None)

    def _run(self, cluster: Cluster, step: Step) -> None:
        log.info("step %s (%s) of cluster %s runs", step.id, step.name, cluster.id)
        run = StepRun(self._s3, self._steps_folder, cluster, step)
        failure = run.run(lambda process: self._started(cluster, step, process))
        with self._changed:
            self._running.pop(cluster.id, None)
            if cluster.state is ClusterState.TERMINATING and failure:
                state = StepState.CANCELLED if cluster.reason_code == "USER_REQUEST" else StepState.FAILED
                self._end_step(cluster, step, state, cluster.reason)
            elif step.id in self._interrupted and failure:
                self._end_step(cluster, step, StepState.CANCELLED, "Cancelled by user request")
            elif failure:
                step.failure = failure
                self._end_step(cluster, step, StepState.FAILED, failure["Message"])
                self._after_failure(cluster, step)
            else:
                self._end_step(cluster, step, StepState.COMPLETED, "")
            self._interrupted.discard(step.id)

    def _started(self, cluster: Cluster, step: Step, process: processes.Guarded) -> None:
        with self._changed:
            self._running[cluster.id] = process
            identity = processes.identity(process.session)
            step.process = asdict(identity) if identity else None
            self._records.save(cluster)
            if cluster.state is ClusterState.TERMINATING or step.id in self._interrupted:
                self._end_process(cluster)  # it was asked for while the step was being fetched

    def _after_failure(self, cluster: Cluster, step: Step) -> None:
        if step.on_failure in {OnFailure.TERMINATE_CLUSTER, OnFailure.TERMINATE_JOB_FLOW}:
            self._ask_to_end(cluster, "STEP_FAILURE", "Shut down as step failed")
        elif step.on_failure is OnFailure.CANCEL_AND_WAIT:
            self._cancel_pending(cluster, f"Cancelled: step {step.id} failed")

    def _ask_to_end(self, cluster: Cluster, code: str, reason: str) -> None:
        with self._changed:
            if cluster.state.over or cluster.state is ClusterState.TERMINATING:
                return
            cluster.reason_code, cluster.reason = code, reason
            self._become(cluster, ClusterState.TERMINATING)
            self._end_process(cluster)
            self._changed.notify_all()

    def _end_process(self, cluster: Cluster) -> None:
        """Begun here, finished in the background: the caller holds the lock."""
        if process := self._running.get(cluster.id):
            threading.Thread(target=process.end, args=(STEP_GRACE_SECONDS,), name="ending").start()

    def _finish(self, cluster: Cluster, state: ClusterState, code: str, reason: str) -> None:
        self._cancel_pending(cluster, reason)
        cluster.reason_code, cluster.reason, cluster.ended = code, reason, time.time()
        self._become(cluster, state)
        log.info("cluster %s (%s) is %s: %s", cluster.id, cluster.name, state, reason)

    def _cancel_pending(self, cluster: Cluster, reason: str) -> None:
        while step := cluster.next_step():
            self._end_step(cluster, step, StepState.CANCELLED, reason)

    def _end_step(self, cluster: Cluster, step: Step, state: StepState, reason: str) -> None:
        step.state, step.reason, step.ended, step.process = state, reason, time.time(), None
        if state is StepState.FAILED and step.failure is None:
            step.failure = {"Reason": reason, "Message": reason}
        self._tell(cluster, [step], cluster_changed=False)
        log.info("step %s (%s) is %s. %s", step.id, step.name, state, reason)

    def _become(self, cluster: Cluster, state: ClusterState) -> None:
        if cluster.state is not state:
            cluster.state = state
            self._tell(cluster, [])

    def _tell(self, cluster: Cluster, steps: Sequence[Step], *, cluster_changed: bool = True) -> None:
        """Write the change down together with its events; then it is so."""
        now = time.time()
        if cluster_changed and (event := emr_events.cluster_event(cluster, now)):
            cluster.unsent.append(event)
        cluster.unsent += [emr_events.step_event(cluster, step, now) for step in steps]
        self._records.save(cluster)
        self._sender.wake()

    def _unsent(self, most: int) -> list[dict[str, str]]:
        with self._changed:
            return next((c.unsent[:most] for c in self._all.values() if c.unsent), [])

    def _strike_out(self, sent: list[dict[str, str]]) -> None:
        with self._changed:
            for cluster in self._all.values():
                left = [event for event in cluster.unsent if not any(event is done for done in sent)]
                if len(left) < len(cluster.unsent):
                    cluster.unsent = left
                    self._records.save(cluster)


def _completed(cluster: Cluster) -> str:
    failed = any(step.state is StepState.FAILED for step in cluster.steps)
    return "Steps completed with errors" if failed else "Steps completed"
