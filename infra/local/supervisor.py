"""Starts ministack, the local Firehose and the local EMR, watches them, and ends them with itself.

`stack.start` runs `python -m infra.local.supervisor --data DIR` in the background. SIGTERM stops all in
order, SIGHUP starts again what has died. All it knows stands in DIR/local/state.json.
"""

import argparse
import fcntl
import os
import queue
import shutil
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from infra.local import ministack, ports, processes, stack_environment
from infra.local.stack_state import (
    CHILDREN,
    EMR,
    FIREHOSE,
    MINISTACK,
    Child,
    Folder,
    Phase,
    State,
    mark,
    unmark,
)
from infra.problem import ProblemError

START_SECONDS = 60  # the slowest child imports boto3; a busy laptop gets more
PROBE_SECONDS = 0.05
# ministack saves 100,000 items in some 20 s; the EMR ends a step and puts its logs; Firehose has all on disk.
STOP_SECONDS = {EMR: 20.0, FIREHOSE: 10.0, MINISTACK: 60.0}
HEALTH_PATHS = {MINISTACK: ministack.HEALTH_PATH, FIREHOSE: "/_delivery/health", EMR: "/_emr/health"}


class ChildFailedError(ProblemError):
    """A child did not come up."""


@dataclass(frozen=True)
class Start:
    command: list[str]
    environment: dict[str, str]


class Supervisor:
    def __init__(self, folder: Folder, at: Mapping[str, int]) -> None:
        self._folder = folder
        self._children: dict[str, processes.Guarded] = {}
        self._state = State(Phase.STARTING, supervisor=processes.identity(os.getpid()), ports=dict(at))

    def run(self, asked: "queue.SimpleQueue[int]") -> None:
        """Until SIGTERM or SIGINT; raises ChildFailedError when a child does not come up at the start."""
        self._write(self._state)
        try:
            self._start_missing()
            self._write(replace(self._state, phase=Phase.RUNNING))
            while (number := asked.get()) not in {signal.SIGTERM, signal.SIGINT}:
                self._look()
                if number == signal.SIGHUP:
                    self._start_again()
        finally:
            self._stop()

    def _start_again(self) -> None:
        """On demand of `stack.start`, which reads the outcome from the state."""
        message = ""
        try:
            self._start_missing()
        except ProblemError as error:
            message = str(error)
        self._look()
        self._write(replace(self._state, message=message, restarts=self._state.restarts + 1))

    def _start_missing(self) -> None:
        missing = [name for name in CHILDREN if name not in self._children]
        if MINISTACK in missing:
            forget_stale_state(self._folder)
            mark(self._folder.unclean)
        for name in missing:
            self._start(name)
        for name in missing:
            self._await(name)

    def _start(self, name: str) -> None:
        start = self._starts(name)
        path = self._folder.log(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as log:
            process = processes.start(
                start.command,
                environment=start.environment,
                folder=ministack.PROJECT,  # where `python -m` finds the modules
                stdout=log,
                stderr=log,
            )
        self._children[name] = process
        program, session = processes.identity(process.pid), processes.identity(process.session)
        if program is None or session is None:
            raise self._failed(name)
        self._write(self._state.with_child(name, Child(program, session)))

    def _starts(self, name: str) -> Start:
        port = self._state.ports[name]
        if name == MINISTACK:
            return Start([str(ministack.program())], ministack.environment(self._folder.ministack, port))
        module = {FIREHOSE: "firehose.delivery", EMR: "infra.local.emr"}[name]
        data = {FIREHOSE: self._folder.firehose, EMR: self._folder.emr}[name]
        command = [
            sys.executable,
            "-m",
            module,
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--data",
            str(data),
        ]
        return Start(command, stack_environment.of_children(self._state.ports))

    def _await(self, name: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not ports.answers(self._state.ports[name], HEALTH_PATHS[name]):
            if self._children[name].poll() is not None or time.monotonic() > deadline:
                raise self._failed(name)
            time.sleep(PROBE_SECONDS)

    def _failed(self, name: str) -> ChildFailedError:
        process = self._children[name]
        status = process.poll()
        how = f"did not answer within {START_SECONDS} s" if status is None else processes.how_it_ended(status)
        process.end()
        self._bury(name, how)
        log = self._folder.log(name)
        return ChildFailedError(f"{name} {how} instead of starting; the end of {log}:\n{last_lines(log)}")

    def _look(self) -> None:
        """Write down who has died; what a dead child left running is ended."""
        for name, process in list(self._children.items()):
            status = process.poll()
            if status is not None:
                process.end()
                self._bury(name, processes.how_it_ended(status))

    def _bury(self, name: str, how: str) -> None:
        del self._children[name]
        if name in self._state.children:
            now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            self._write(
                self._state.with_child(name, replace(self._state.children[name], died=how, died_at=now))
            )

    def _stop(self) -> None:
        """Who uses another ends before it."""
        for name in reversed(CHILDREN):
            process = self._children.pop(name, None)
            if process is None:
                continue
            self._write(replace(self._state, phase=Phase.STOPPING, message=_STOP_MESSAGES[name]))
            status = process.end(STOP_SECONDS[name])
            if name == MINISTACK and status == 0:
                unmark(self._folder.unclean)
        self._write(replace(self._state, phase=Phase.STOPPED, message="", children={}, supervisor=None))

    def _write(self, state: State) -> None:
        self._state = state
        self._folder.write(state)


_STOP_MESSAGES = {
    EMR: "the local EMR ends its steps",
    FIREHOSE: "the local Firehose ends",
    MINISTACK: "ministack saves what it holds (100,000 DynamoDB items take some 20 s)",
}


def forget_stale_state(folder: Folder) -> None:
    """After a kill only ministack's S3 is up to date: all else of its last save would contradict it."""
    if folder.unclean.exists():
        mark(folder.rebuild_needed)
        shutil.rmtree(folder.ministack / "state", ignore_errors=True)
        unmark(folder.unclean)
    shutil.rmtree(folder.ministack / "tmp", ignore_errors=True)


def last_lines(log: Path, most: int = 10) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-most:])
    except FileNotFoundError:
        return "(there is no log)"


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    folder = Folder(options.data.resolve())
    folder.local.mkdir(parents=True, exist_ok=True)
    if options.background and (pid := os.fork()):
        print(pid, flush=True)
        os._exit(0)  # the caller waits for nothing more
    if options.background:
        os.setsid()
        os.dup2(2, 1)  # the caller reads our stdout to its end
    asked_for = {name: port for name in CHILDREN if (port := getattr(options, f"{name}_port")) is not None}
    with (folder.local / "supervisor.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            chosen = ports.choose(CHILDREN, folder.read().ports, asked_for)
            Supervisor(folder, chosen).run(_signals())
        except BlockingIOError:
            print(f"a supervisor of {folder.data} runs already", file=sys.stderr)
            return 1
        except ProblemError as error:
            folder.write(replace(folder.read(), phase=Phase.FAILED, message=str(error)))
            print(error, file=sys.stderr)
            return 1
    return 0


def _signals() -> "queue.SimpleQueue[int]":
    asked: queue.SimpleQueue[int] = queue.SimpleQueue()  # unlike an Event, it may be put to in a handler
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, lambda number, _frame: asked.put(number))
    return asked


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.local.supervisor", description="Run the local AWS and watch it."
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder of all local state")
    parser.add_argument("--background", action="store_true", help="print the process id and detach")
    for name in CHILDREN:
        parser.add_argument(f"--{name}-port", type=int, help=f"{name}'s port (last time's, or a free one)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
