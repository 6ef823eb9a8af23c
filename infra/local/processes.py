"""Programs that end with whoever started them, and process ids that are surely still the same process."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from infra.local import guardian

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Identity:
    """A process id alone may have passed to another process."""

    pid: int
    started: str  # the boot, and the clock ticks after it

    def alive(self) -> bool:
        return identity(self.pid) == self


def identity(pid: int) -> Identity | None:
    """None where there is no such process, or only its remains."""
    try:
        fields = guardian.stat_fields(pid)
    except OSError:
        return None
    if fields[0] in "ZX":
        return None
    return Identity(pid, f"{_boot()}/{fields[19]}")


class Guarded:
    """A program in a session of its own that its guardian ends when we die."""

    def __init__(self, guardian_process: "subprocess.Popen[bytes]", link: socket.socket, pid: int) -> None:
        self._guardian = guardian_process
        self._link = link
        self.pid = pid
        self.session = guardian_process.pid

    def poll(self) -> int | None:
        """The exit status, 128 + N for signal N; None while it runs."""
        return self._guardian.poll()

    def wait(self, seconds: float | None = None) -> int | None:
        """As poll, after waiting for the end."""
        with suppress(subprocess.TimeoutExpired):
            self._guardian.wait(seconds)
        return self.poll()

    def terminate(self) -> None:
        """Ask the program to end by itself."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    def end(self, grace_seconds: float = 0) -> int:
        """Ended with all it started, whatever it takes."""
        if grace_seconds:
            self.terminate()
            self.wait(grace_seconds)
        guardian.kill_session(self.session)
        self._guardian.kill()
        status = self._guardian.wait()
        self._link.close()
        return status


def start(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    folder: Path,
    stdout: IO[bytes],
    stderr: IO[bytes],
) -> Guarded:
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-IS", guardian.__file__, str(theirs.fileno()), *command],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
    with ours.makefile("rb") as said:
        pid = int(said.readline() or process.pid)  # a guardian that fell at once has no program
    return Guarded(process, ours, pid)


def how_it_ended(status: int) -> str:
    number = status - guardian.BY_SIGNAL if status > guardian.BY_SIGNAL else -status
    try:
        return f"was killed by {signal.Signals(number).name}"
    except ValueError:
        return f"exited with status {status}"


def kill_leftover(leader: Identity) -> bool:
    """Kill the session that an earlier run of ours left behind; false where nothing of it is left.

    A session's number is not given to a new process while the session has members.
    """
    if not leader.started.startswith(_boot()) or identity(leader.pid) not in {None, leader}:
        return False
    left = leader.alive() or any(guardian.session_members(leader.pid))
    guardian.kill_session(leader.pid)
    if leader.alive():
        with suppress(ProcessLookupError):
            os.kill(leader.pid, signal.SIGKILL)
    return left


def _boot() -> str:
    return BOOT_ID.read_text().strip()
