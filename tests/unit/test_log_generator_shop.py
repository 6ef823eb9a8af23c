"""The simulated shop: what it writes follows from its seed, and is counted exactly."""

import json
import threading
from collections import defaultdict

import pytest

from contracts.order_line import (
    Fate,
)
from log_generator.__main__ import main
from log_generator.opening import Opening, run_shop
from tests.simulated_shop import END, WEEK_S, raw_lines, read_back, run, sequences


@pytest.mark.parametrize("dirt", [0.0, 1.0, 20.0])
def test_the_count_by_fate_is_what_the_contract_reads_back(tmp_path, dirt):
    """Decided on while writing, and equal to parse, fate and dedupe of the written bytes."""
    tally, _ = run(tmp_path, 5_000, dirt=dirt)
    plain = tally.plain()
    fates, _ = read_back(raw_lines(tmp_path))
    expected = {name: count for name, count in plain["fates"].items() if count} | plain["rejected"]
    assert fates == expected
    assert bool(fates[Fate.REJECTED]) == bool(dirt)


@pytest.mark.parametrize("lines", [1, 2, 255, 256, 257, 2_049])
def test_any_number_of_lines_is_written_exactly(tmp_path, lines):
    tally, _ = run(tmp_path, lines)
    assert len(raw_lines(tmp_path)) == tally.lines == lines


def test_the_same_seed_and_end_give_the_same_bytes(tmp_path):
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        run(tmp_path / name, seed=seed)
    content = {name: (tmp_path / name / "orders.log").read_bytes() for name in "abc"}
    catalogue = {name: (tmp_path / name / "catalogue.csv").read_bytes() for name in "abc"}
    assert content["a"] == content["b"] != content["c"]
    assert catalogue["a"] == catalogue["b"] != catalogue["c"]


def test_different_shops_never_share_a_source(tmp_path):
    """Their ids would meet in one lake, and one's orders would be the other's duplicates."""
    sources = {
        run(tmp_path / f"{number}", 300, **more)[0].source
        for number, more in enumerate(
            [{}, {"seed": 8}, {"dirt": 0.0}, {"window_s": WEEK_S}, {"customers": 60}, {"items": 120}]
        )
    }
    assert len(sources) == 6


def test_a_later_run_goes_on_with_the_same_shop(tmp_path):
    """The sequence, the clock, the customers and the catalogue; no id and no invoice is used twice."""
    first, _ = run(tmp_path, 2_000)
    later = Opening(tmp_path, end=END + WEEK_S, window_s=10 * WEEK_S, lines=1_000)
    second, _ = run_shop(later, threading.Event())
    lines = raw_lines(tmp_path)
    _, orders = read_back(lines)
    assert second.source == first.source
    assert second.first == first.last + 1
    assert set(sequences(lines)) == set(range(1, second.last + 1))
    times = [order.time for order in orders]
    assert times == sorted(times)
    by_invoice = defaultdict(set)
    for order in orders:
        by_invoice[order.invoice].add((order.customer, order.time))
    assert max(map(len, by_invoice.values())) <= 2  # the second is a customer lost to dirt


def test_a_stop_ends_between_two_lines_and_the_count_still_holds(tmp_path):
    stop = threading.Event()
    opening = Opening(tmp_path, end=END, window_s=WEEK_S, lines=10_000)
    tally, _ = run_shop(opening, stop, advance=lambda _: stop.set())
    assert len(raw_lines(tmp_path)) == tally.lines < 10_000


class Clock:
    """Every look at it is a tenth of a second later."""

    def __init__(self) -> None:
        self.now = float(END)

    def __call__(self) -> float:
        self.now += 0.1
        return self.now


def test_real_time_writes_lines_as_they_fall_due_with_the_time_of_the_clock(tmp_path):
    clock, due = Clock(), []
    opening = Opening(tmp_path, end=END, window_s=WEEK_S, lines=500, lines_per_s=100.0)
    tally, _ = run_shop(opening, threading.Event(), due.append, clock)
    _, orders = read_back(raw_lines(tmp_path))
    assert tally.lines == sum(due) == 500
    assert len(due) >= 40  # about a dozen lines each tick, not all at once
    assert END <= orders[0].time.timestamp() <= END + 1
    assert END + 4 <= orders[-1].time.timestamp() <= clock.now


def test_the_command_writes_logs_catalogue_count_and_truth(tmp_path, capsys):
    arguments = f"shop --out {tmp_path}/logs --lines 300 --hours 2 --end 2026-11-20T11:00:00Z --source till-a"
    files = f"--json {tmp_path}/count.json --truth {tmp_path}/truth.json"
    assert main([*arguments.split(), *files.split()]) == 0
    count = json.loads((tmp_path / "count.json").read_text())
    assert count["source"] == "till-a"
    assert count["lines"] == sum(count["fates"].values()) == 300
    assert count["from"] >= "2026-11-20T09:00:00Z"
    assert "wrote 300 lines of till-a" in capsys.readouterr().out
    assert (tmp_path / "logs" / "catalogue.csv").exists()
    assert json.loads((tmp_path / "truth.json").read_text()).keys() >= {"customers", "items", "groups"}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("--seed 2", "belongs to a shop with --seed 1, not 2"),
        ("--source other", "belongs to a shop with --source till-a, not other"),
        ("--end 2026-11-01", "choose an --end after that"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(tmp_path, capsys, wrong, message):
    start = f"shop --out {tmp_path} --lines 300 --end 2026-11-20T11:00:00Z --source till-a".split()
    assert main(start) == 0
    assert main(f"shop --out {tmp_path} --lines 300 {wrong}".split()) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "wrong",
    ["--lines 0", "--lines x", "--rate 0", "--weeks -1", "--hours 1 --weeks 1", "--end tomorrow", "--dirt -1",
     "--dirt 99", "--items 5", "--source a,b", "--rotate day", "--rotate-bytes 5 --rotate hour", "--seed -1"],
)  # fmt: skip
def test_wrong_options_are_refused(tmp_path, capsys, wrong):
    with pytest.raises(SystemExit) as ended:
        main([*f"shop --out {tmp_path}/new".split(), *wrong.split()])
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_one_run_leaves_nothing_behind_for_the_next(tmp_path):
    run(tmp_path / "a", 400)
    run(tmp_path / "between", 700, seed=9)
    run(tmp_path / "b", 400)
    assert (tmp_path / "a" / "orders.log").read_bytes() == (tmp_path / "b" / "orders.log").read_bytes()
