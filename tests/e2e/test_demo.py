"""The README as a newcomer follows it: the demo, then the commands one by one on what it left behind."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests import browser
from tests.newcomer import CADABRA, PATIENCE_S, cadabra, failed, processes_of, succeeded, without_aws

LINES = 20_000  # a fifth of the demo's own: the same way, in less time


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A working folder of its own; what is still up in it at the end is ended."""
    folder = tmp_path_factory.mktemp("newcomer")
    yield folder
    cadabra(folder, "--data", ".cadabra/demo", "down")
    cadabra(folder, "down")


def on_demo(folder, *arguments):
    return cadabra(folder, "--data", ".cadabra/demo", *arguments)


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
