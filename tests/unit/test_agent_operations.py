"""What docs/operations.md tells an operator to install is sound, and says of the agent what is so."""

import configparser
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from firehose.agent.config import load
from firehose.agent.display import sentence
from firehose.agent.metrics import COUNTERS, LAG
from firehose.agent.status import Counts, FlowStatus

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs" / "operations.md").read_text()


def _block(after: str) -> str:
    """The first code block after this heading."""
    found = re.search(r"```\w*\n(.*?)```", PAGE.split(after, 1)[1], re.DOTALL)
    assert found, after
    return found[1]


@pytest.fixture
def unit() -> configparser.ConfigParser:
    parsed = configparser.ConfigParser(strict=False, interpolation=None)  # Environment= may stand twice
    parsed.optionxform = str  # type: ignore[assignment,method-assign]
    parsed.read_string(_block("### systemd"))
    return parsed


def test_the_units_command_line_is_one_that_the_agent_accepts(unit: configparser.ConfigParser) -> None:
    python, *arguments = shlex.split(unit["Service"]["ExecStart"])
    assert python.endswith("/python")
    assert arguments[:2] == ["-m", "firehose.agent"]
    said = subprocess.run(
        [sys.executable, "-m", "firehose.agent", "--help"], check=True, capture_output=True, text=True
    ).stdout
    for flag in (argument for argument in arguments[2:] if argument.startswith("-")):
        assert f"{flag} " in said


def test_the_unit_gives_the_agent_time_to_end_and_a_lasting_place(unit: configparser.ConfigParser) -> None:
    settings = load(REPOSITORY / "firehose" / "agent.json")
    service = unit["Service"]
    assert float(service["TimeoutStopSec"]) > settings.shutdown_seconds
    assert settings.checkpoint.parent == Path("/var/lib") / service["StateDirectory"]
    assert (service["Restart"], service["KillSignal"]) == ("always", "SIGTERM")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_systemd_knows_every_setting_of_the_unit(tmp_path: Path) -> None:
    path = tmp_path / "cadabra-agent.service"
    path.write_text(re.sub("ExecStart=[^ ]*", f"ExecStart={sys.executable}", _block("### systemd")))
    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(path)], check=False, capture_output=True, text=True
    ).stderr
    assert not [line for line in said.splitlines() if path.name in line and "known" in line.lower()], said


def test_logrotate_takes_the_agents_files_by_renaming_them() -> None:
    head, _, rest = _block("### logrotate").partition("{")
    flow = load(REPOSITORY / "firehose" / "agent.json").flows[0]
    assert Path(head.strip()).parent == flow.directory
    assert flow.name_pattern == Path(head.strip()).name + "*"
    directives, scripts = rest.split("postrotate")
    assert scripts.strip().endswith("}")
    assert "endscript" in scripts
    words = [line.split()[0] for line in directives.splitlines() if line.strip()]
    assert "create" in words
    assert "copytruncate" not in words


def test_the_status_line_and_the_metrics_are_named_as_they_are() -> None:
    counts = Counts()
    status = FlowStatus("f", 2, counts.lines, 0, 0, 0, 0, 0, 0, 0, 0, 0, "", "")
    shape = re.sub(r"[\d,]+(?= )", "N", sentence([status], 84_211.0))
    assert re.sub(r"[\d,]+(?= )", "N", _block("### What the status line says")).strip() == shape
    for name in (*COUNTERS, LAG):
        assert f"`{name}`" in PAGE
