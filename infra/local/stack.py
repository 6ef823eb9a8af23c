"""The local AWS as the `cadabra` command sees it: start, stop, and what has become of it."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from infra import console
from infra.local import java, ministack, ports, processes, stack_environment, supervisor
from infra.local.stack_state import CHILDREN, MINISTACK, Folder, Phase, State, unmark
from infra.problem import ProblemError

POLL_SECONDS = 0.05
START_SECONDS = supervisor.START_SECONDS + 15
STOP_SECONDS = sum(supervisor.STOP_SECONDS.values()) + 15


class NotRunningError(ProblemError):
    """The local AWS is not there, or not all of it."""


class StartError(ProblemError):
    """The local AWS did not come up."""


@dataclass(frozen=True)
class Running:
    data: Path
    ports: dict[str, int]
    pids: dict[str, int]  # of the children, and of the supervisor
    rebuild_needed: bool  # what is not in S3 was lost; `acknowledge_rebuild` says that it is back

    @property
    def endpoint(self) -> str:
        return environment(self)["AWS_ENDPOINT_URL"]

    def step_folder(self, step_id: str) -> Path:
        """Where stdout and stderr of an EMR step grow."""
        return Folder(self.data).emr / "steps" / step_id


@dataclass(frozen=True)
class Stopped:
    data: Path


@dataclass(frozen=True)
class Broken:
    data: Path
    child: str  # which one died, or "supervisor"
    how: str
    when: str
    log: Path

    def __str__(self) -> str:
        when = f" at {self.when}" if self.when else ""
        return f"{self.child} of the local AWS in {self.data} {self.how}{when}; its log: {self.log}"


def start(data: Path, port: int | None = None) -> Running:
    """All of it running; what runs already stays as it is."""
    folder = Folder(data.resolve())
    java.find()  # the message about a missing Java belongs here, not into a step's log
    ministack.program()
    folder.local.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        state = folder.read()
        if state.supervised and state.phase is Phase.RUNNING:
            _refuse_other_port(state, port)
            found = _revived(folder, state) if state.dead() else inspect(data)
        else:
            if state.supervisor and state.supervised:  # someone was interrupted while it started or stopped
                _stop_supervisor(folder, state.supervisor)
            found = _started(folder, port)
    if not isinstance(found, Running):
        raise StartError(f"the local AWS did not stay up: {found}")
    return found


def stop(data: Path) -> None:
    """Nothing of it runs any more; its state stays."""
    folder = Folder(data.resolve())
    if not folder.local.is_dir():
        return
    with _alone(folder):
        state = folder.read()
        if state.supervisor and state.supervised:
            _stop_supervisor(folder, state.supervisor)
        _bury(folder)


def inspect(data: Path) -> Running | Stopped | Broken:
    folder = Folder(data.resolve())
    state = folder.read()
    if state.phase in {Phase.STOPPED, Phase.FAILED}:
        return Stopped(folder.data)
    if state.supervisor is None or not state.supervised:
        log = folder.log("supervisor")
        return Broken(folder.data, "supervisor", "ended without a stop (killed, or a restart)", "", log)
    if state.phase is not Phase.RUNNING:
        log = folder.log("supervisor")
        return Broken(folder.data, "supervisor", f"is {state.phase}: {state.message or 'wait'}", "", log)
    for name, child in state.dead().items():
        return Broken(folder.data, name, child.died, child.died_at, folder.log(name))
    pids = {name: child.program.pid for name, child in state.children.items()}
    pids["supervisor"] = state.supervisor.pid
    return Running(folder.data, state.ports, pids, folder.rebuild_needed.exists())


def running(data: Path) -> Running:
    """The local AWS that `up` started, or NotRunningError with what to do."""
    found = inspect(data)
    if isinstance(found, Running):
        return found
    if isinstance(found, Broken):
        raise NotRunningError(f"{found}. Run `cadabra up`: it starts what is missing")
    raise NotRunningError(f"no local AWS runs in {found.data}. Run `cadabra up` first")


def environment(found: Running) -> dict[str, str]:
    """What a process sets to speak to this local AWS and to nothing else."""
    return stack_environment.of_target(found.ports)


def acknowledge_rebuild(data: Path) -> None:
    unmark(Folder(data.resolve()).rebuild_needed)


@contextmanager
def _alone(folder: Folder) -> Iterator[None]:
    """Two `up`s or `down`s of one folder take turns."""
    with (folder.local / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.err.print(
                f"another `cadabra` starts or stops {folder.data}: waiting for it", markup=False
            )
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _refuse_other_port(state: State, port: int | None) -> None:
    if port is not None and port != state.ports[MINISTACK]:
        raise ports.PortTakenError(
            f"the local AWS runs already, at port {state.ports[MINISTACK]}: "
            f"run `cadabra down` before `up` at {port}"
        )


def _started(folder: Folder, port: int | None) -> Running | Stopped | Broken:
    _bury(folder)
    chosen = ports.choose(CHILDREN, folder.read().ports, {MINISTACK: port} if port is not None else {})
    arguments = [f"--{name}-port={chosen[name]}" for name in CHILDREN]
    log = folder.log("supervisor")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        said = subprocess.run(
            [
                sys.executable,
                "-m",
                "infra.local.supervisor",
                "--background",
                f"--data={folder.data}",
                *arguments,
            ],
            env=stack_environment.of_children(chosen),
            cwd=ministack.PROJECT,  # where `python -m` finds the modules
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            check=False,
        )
    if said.returncode:
        raise StartError(f"the local AWS could not be started:\n{supervisor.last_lines(log)}")
    return _await_start(folder, int(said.stdout))


def _await_start(folder: Folder, pid: int) -> Running | Stopped | Broken:
    new = processes.identity(pid)
    try:
        with console.waiting("the local AWS starts"):
            _wait(lambda: not (new and new.alive()) or _is_up(folder.read(), pid), START_SECONDS)
    except KeyboardInterrupt:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        raise
    state = folder.read()
    if state.phase is Phase.FAILED:
        raise StartError(state.message)
    return inspect(folder.data)


def _is_up(state: State, pid: int) -> bool:
    return state.phase is Phase.RUNNING and state.supervisor is not None and state.supervisor.pid == pid


def _revived(folder: Folder, state: State) -> Running | Stopped | Broken:
    """What has died is started again by the supervisor that lives."""
    supervisor_pid = state.supervisor.pid if state.supervisor else 0
    os.kill(supervisor_pid, signal.SIGHUP)
    with console.waiting(f"{', '.join(state.dead())} of the local AWS starts again"):
        _wait(lambda: folder.read().restarts > state.restarts, START_SECONDS)
    if message := folder.read().message:
        raise StartError(message)
    return inspect(folder.data)


def _stop_supervisor(folder: Folder, identity: processes.Identity) -> None:
    """In order if it can be; ministack may take a minute to save what it holds."""
    os.kill(identity.pid, signal.SIGTERM)
    with console.waiting("the local AWS stops") as progress:

        def gone() -> bool:
            if message := folder.read().message:
                progress.update(progress.task_ids[0], description=f"waiting: {message}")
            return not identity.alive()

        if not _wait(gone, STOP_SECONDS):
            with suppress(ProcessLookupError):
                os.kill(identity.pid, signal.SIGKILL)
            console.err.print(
                "the local AWS did not stop in time and was killed: the next `up` rebuilds it from S3"
            )


def _bury(folder: Folder) -> None:
    """End what a killed supervisor may have left, and say that nothing runs."""
    state = folder.read()
    for child in state.children.values():
        processes.kill_leftover(child.session)
    folder.write(State(ports=state.ports))


def _wait(true: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return found
