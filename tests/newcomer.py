"""A newcomer at a terminal: `cadabra` as a process, in a folder of its own, without anybody's AWS."""

import os
import subprocess
import sys
from pathlib import Path

CADABRA = Path(sys.executable).with_name("cadabra")
PATIENCE_S = 300


def without_aws():
    """The environment without what other tests, or the person, set for an AWS."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CADABRA_"))}


def cadabra(folder, *arguments, **environment):
    return subprocess.run(
        [CADABRA, *arguments],
        cwd=folder,
        env={**without_aws(), "COLUMNS": "160", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def succeeded(ended):
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def failed(ended):
    """The message of a command that was used wrongly: one line on stderr, no traceback."""
    assert ended.returncode not in {0, None}, ended.stdout
    assert "Traceback" not in ended.stderr + ended.stdout
    return ended.stderr


def processes_of(folder):
    """Command lines of every process that works in this folder or names it."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(folder) in command:
                found.append(command)
    return found
