"""Runs one program and ends all of its session when whoever started it dies, also by kill -9.

`processes.start` runs this file by itself: it leads the session and imports the standard library only. The
program's process id goes through the link; the link's end of file says that the starter is gone.
"""

import ctypes
import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1
NOT_STARTED = 127  # as a shell says it
BY_SIGNAL = 128  # plus the signal's number, as a shell says it


def session_members(session: int) -> Iterator[int]:
    """Every living process of the session but its leader."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != session:
            with suppress(OSError):  # it has ended since
                state, _parent, _group, of_session = stat_fields(int(entry.name))[:4]
                if int(of_session) == session and state not in "ZX":
                    yield int(entry.name)


def stat_fields(pid: int) -> list[str]:
    """/proc/PID/stat from the third field on: what stands before may hold spaces."""
    return Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()


def kill_session(session: int) -> None:
    """Kill until nobody is left: a process may fork between the look and the kill."""
    while members := list(session_members(session)):
        for pid in members:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _start(command: list[str]) -> int:
    guardian = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != guardian:  # it died before the line above
        os._exit(NOT_STARTED)
    try:
        os.execvp(command[0], command)  # noqa: S606  no shell is wanted
    except OSError as error:
        os.write(2, f"{command[0]} could not be started: {error}\n".encode())
        os._exit(NOT_STARTED)


def main(link: int, command: list[str]) -> int:
    os.set_inheritable(link, False)
    pid = _start(command)
    ended = os.pidfd_open(pid)
    with suppress(BrokenPipeError):
        os.write(link, f"{pid}\n".encode())
    watch = select.poll()
    watch.register(ended, select.POLLIN)
    watch.register(link, select.POLLIN | select.POLLHUP)
    if ended in dict(watch.poll()):
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return code if code >= 0 else BY_SIGNAL - code
    kill_session(os.getpid())
    return BY_SIGNAL + signal.SIGKILL


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
