"""`python -m emr_jobs.judging.backtest` reads a file as ingest would, judges, and says what is wrong."""

import csv
import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from contracts.order_line import OrderLine, format_line
from emr_jobs.candidates.past import past
from emr_jobs.judging import backtest, baselines, order_file
from emr_jobs.orders import epoch
from emr_jobs.settings import Settings

FIRST = datetime(2026, 9, 1, 9, tzinfo=UTC)


NEWCOMERS = (("early", 16, "10000"), ("early", 18, "10001"), ("new", 22, "10000"), ("new", 24, "10001"))


def log(days=60):
    """Two tastes of four items; everyone buys two items of their taste each third day, in turn."""
    number = 0
    for day in range(0, days, 3):
        for customer in range(12):
            for item in (day + customer, day + customer + 1):
                number += 1
                yield format_line(
                    OrderLine(
                        invoice=f"{day}-{customer}",
                        stock_code=f"{1 + customer % 2}000{item % 4}",
                        description="",
                        quantity=1,
                        time=FIRST + timedelta(days=day),
                        unit_price=Decimal("1.25"),
                        customer=f"c{customer}",
                        country="",
                        event_id=f"shop-{number}",
                    )
                )


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "orders.log"
    path.write_bytes(b"".join(log()) + b"not an order\n")
    return path


@pytest.fixture
def judged(file):
    """Within 24 days everyone has bought their four items: only a newcomer can find anything new."""
    with file.open("ab") as more:
        for who, day, code in NEWCOMERS:
            time = f"{FIRST + timedelta(days=day):%Y-%m-%dT%H:%M:%SZ}"
            more.write(f"n{day},{code},,1,{time},1.25,{who},,more-{day}\n".encode())
    return file


def test_it_prints_every_contender_and_writes_figures_and_lists(judged, tmp_path, capsys):
    arguments = ["--cut", "2026-09-25", "--days", "5", "--seeds", "1", "--weeks", "2"]
    written = ["--json", str(tmp_path / "figures.json"), "--lists", str(tmp_path / "lists")]
    written += ["--plots", str(tmp_path / "plots")]
    assert backtest.main([str(judged), *arguments, *written]) == 0
    said = capsys.readouterr().out
    assert "lines refused: 1 columns" in said
    assert "popularity, 14 days" in said
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["judged"] == {"for_you": 13, "discover": 1}
    best = {score["contender"]: score["ndcg"] for score in figures["scores"] if score["list"] == "for_you"}
    assert best["our lists"] >= best["linear blend"] > best["popularity, all time"]
    assert {week["cut"] for week in figures["weeks"]} == {"2026-09-18", "2026-09-25"}
    assert {path.name for path in (tmp_path / "plots").iterdir()} == {
        f"{name}_by_{what}.png" for name in ("for_you", "discover") for what in ("model", "week")
    }
    with (tmp_path / "lists" / "for_you.csv").open(newline="") as lists:
        rows = [row for row in csv.DictReader(lists) if row["customer"] == "c1"]
    assert [row["rank"] for row in rows[:4]] == ["1", "2", "3", "4"]
    assert {row["item"] for row in rows[:4]} == {"20000", "20001", "20002", "20003"}


def test_a_week_that_cannot_be_judged_is_left_out_and_said(judged, tmp_path, capsys):
    figures = tmp_path / "not" / "yet" / "figures.json"
    asked = ["--cut", "2026-09-25", "--days", "5", "--seeds", "1", "--weeks", "5", "--json", str(figures)]
    assert backtest.main([str(judged), *asked]) == 0
    assert "backtest: 4 weeks before --cut: no orders lie before the cut" in capsys.readouterr().err
    assert {week["cut"] for week in json.loads(figures.read_text())["weeks"]} >= {"2026-09-18", "2026-09-25"}


def test_the_marks_of_erased_lines_are_counted(file):
    with file.open("ab") as more:
        more.write(b"ERASED,,,,,,,,shop-900\n")
    orders, refused = order_file.read(file)
    assert refused == {"columns": 1, "erased": 1}
    assert len(orders) == len(list(log()))


def test_no_setting_moves_the_yardstick(tmp_path):
    def bought(customer, code, day):
        time = f"{FIRST + timedelta(days=day):%Y-%m-%dT%H:%M:%SZ}"
        return f"n{customer},{code},,1,{time},1.25,{customer},,shop-{day}{customer[1]}".encode()

    # Ten days ago five bought one thing, yesterday one bought the other.
    lines = [bought(f"c{n}", "10001", 1) for n in range(5)] + [bought("c9", "10002", 10)]
    (tmp_path / "orders.log").write_bytes(b"\n".join(lines))
    orders, _ = order_file.read(tmp_path / "orders.log")
    for days in (2.0, 30.0):
        settings = replace(Settings(), popular_days=days, rank=2)
        then = past(orders, epoch(FIRST + timedelta(days=11)), settings, seed=0)
        best = baselines.POPULARITY.rank(then, np.arange(6, dtype=np.int32), settings, 0)["for_you"]
        assert best[:, 0].tolist() == [0] * 6
        assert then.popular.tolist()[0] == (1 if days == 2.0 else 0)


def test_settings_that_are_no_text_are_named(judged, tmp_path, capsys):
    (tmp_path / "settings.toml").write_bytes(b"\xff\xfe")
    asked = [str(judged), "--cut", "2026-09-25", "--days", "5", "--settings", str(tmp_path / "settings.toml")]
    assert backtest.main(asked) == 1
    assert f"the settings {tmp_path / 'settings.toml'} cannot be used" in capsys.readouterr().err


def test_a_compressed_file_is_read_like_a_plain_one(file, tmp_path):
    packed = tmp_path / "orders.log.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    plain_orders, refused = backtest.order_file.read(file)
    packed_orders, refused_too = backtest.order_file.read(packed)
    assert len(plain_orders) == len(packed_orders) == 480
    assert refused == refused_too == {"columns": 1}


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        (b"", ["--cut", "2026-09-25"], "holds no order line"),
        (b"hello\nworld\n", ["--cut", "2026-09-25"], "2 lines were refused"),
        (b"".join(log(9)), ["--cut", "2030-01-01"], "choose another --cut"),
        (b"".join(log(9)), ["--cut", "2020-01-01"], "choose another --cut"),
    ],
)
def test_bad_input_gets_one_clear_line(tmp_path, capsys, content, arguments, message):
    (tmp_path / "orders.log").write_bytes(content)
    assert backtest.main([str(tmp_path / "orders.log"), *arguments, "--days", "5"]) == 1
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_a_missing_file_and_one_cut_short_are_said(tmp_path, capsys):
    arguments = ["--cut", "2026-09-25", "--days", "5"]
    assert backtest.main([str(tmp_path / "none.log"), *arguments]) == 1
    assert "No such file" in capsys.readouterr().err
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"".join(log()))[:-50])
    assert backtest.main([str(tmp_path / "cut.gz"), *arguments]) == 1
    assert "cannot be read to its end" in capsys.readouterr().err
