"""docker-compose.yml's services, and the same commands on this machine without Docker. For tests of both."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from infra.target import TEST_ACCOUNT

PROJECT = Path(__file__).resolve().parents[1]
FILE = PROJECT / "docker-compose.yml"
PORTS = {"localstack": 4566, "glue": 4567, "firehose": 4573, "emr": 4579}
HEALTHY_SECONDS = 120  # one takes two; the shop writes ten weeks first
STOP_SECONDS = 60
PROBE_SECONDS = 0.1

Plain = dict[str, Any]


def services() -> dict[str, Plain]:
    found: dict[str, Plain] = yaml.safe_load(FILE.read_text())["services"]
    return found


def own_services() -> dict[str, Plain]:
    """Those that run from our Dockerfile."""
    return {name: service for name, service in services().items() if "build" in service}


@dataclass(frozen=True)
class ThisMachine:
    """The composition with a folder instead of volumes, and a port of 127.0.0.1 for each name."""

    folder: Path
    ports: dict[str, int]
    elsewhere: Mapping[str, str] = field(default_factory=dict)  # endpoints that only this machine has

    def command(self, name: str) -> list[str]:
        return [self._argument(text) for text in services()[name]["command"]]

    def environment(self, name: str) -> dict[str, str]:
        """The service's own, and of ours only where programs are."""
        declared = {key: self._text(str(value)) for key, value in services()[name]["environment"].items()}
        keys = ("PATH", "HOME", "JAVA_HOME", "LANG")
        ours = {key: os.environ[key] for key in keys if key in os.environ}
        bin_folder = str(Path(sys.executable).parent)
        path = os.pathsep.join([bin_folder, ours["PATH"]])
        return {**TEST_ACCOUNT, **ours, **declared, **self.elsewhere, "PATH": path}

    def health_check(self, name: str) -> list[str]:
        kind, *test = (self._argument(text) for text in services()[name]["healthcheck"]["test"])
        return ["sh", "-c", *test] if kind == "CMD-SHELL" else test

    @contextmanager
    def running(self, name: str) -> Iterator["subprocess.Popen[bytes]"]:
        """The service, once its own health check passes."""
        for folder in ("orders", "agent"):
            (self.folder / folder).mkdir(exist_ok=True)
        log = self.folder / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                self.command(name), env=self.environment(name), cwd=PROJECT, stdout=output, stderr=output
            )
            try:
                self._wait_until_healthy(name, process, log)
                yield process
            finally:
                stop(process)

    def run(self, name: str) -> str:
        """A one-shot service to its good end; what it said."""
        ended = subprocess.run(
            self.command(name),
            env=self.environment(name),
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def _wait_until_healthy(self, name: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
        deadline = time.monotonic() + HEALTHY_SECONDS
        while not self._healthy(name):
            gone = process.poll() is not None or time.monotonic() > deadline
            assert not gone, f"{name} is not healthy:\n{log.read_text()[-2000:]}"
            time.sleep(PROBE_SECONDS)

    def _healthy(self, name: str) -> bool:
        asked = subprocess.run(
            self.health_check(name),
            env=self.environment(name),
            cwd=PROJECT,
            capture_output=True,
            check=False,
        )
        return not asked.returncode

    def _argument(self, text: str) -> str:
        return str(self._agent_json()) if text == "firehose/agent.json" else self._text(text)

    def _agent_json(self) -> Path:
        copy = self.folder / "agent.json"
        copy.write_text(self._text((PROJECT / "firehose" / "agent.json").read_text()))
        return copy

    def _text(self, text: str) -> str:
        """Names, folders and doubled dollars as they are here."""
        for name, port in PORTS.items():
            text = text.replace(f"http://{name}:{port}", f"http://127.0.0.1:{self.ports[name]}")
            text = str(self.ports[name]) if text == str(port) else text
        text = text.replace("/var/log/cadabra", str(self.folder / "orders"))
        text = text.replace("/var/lib/cadabra", str(self.folder))
        return text.replace("0.0.0.0", "127.0.0.1").replace("$$", "$")  # noqa: S104 (taken out here)


def stop(process: "subprocess.Popen[bytes]") -> None:
    """As `docker compose stop` does it: asked, waited for, killed."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
