"""Before anything is changed on AWS a person says yes, or CI does; and `cadabra cost` asks nobody."""

import argparse
import io
import json

import pytest

from infra import cli
from infra.commands import deployment
from infra.problem import ProblemError


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def typed(monkeypatch):
    """`typed(text)`: what a person at a terminal answers; None is no terminal."""

    def answer(text):
        monkeypatch.setattr("sys.stdin", io.StringIO() if text is None else Terminal(f"{text}\n"))

    return answer


def confirm(wanted, *, yes=False):
    deployment.confirm(argparse.Namespace(yes=yes), "Sure? ", wanted, "changed")


def test_where_nobody_is_there_nothing_is_changed_and_the_way_is_said(typed):
    typed(None)
    with pytest.raises(ProblemError, match=r"nothing was changed: nobody is here.*add --yes"):
        confirm("y")


def test_yes_asks_nobody(typed):
    typed(None)
    confirm("y", yes=True)


@pytest.mark.parametrize("answer", ["", "n", "no", "yes please"])
def test_whatever_is_not_the_wanted_word_is_a_no(typed, answer):
    typed(answer)
    with pytest.raises(ProblemError, match="nothing was changed"):
        confirm("y")


def test_data_goes_for_the_stacks_name_and_not_for_a_y(typed):
    typed("y")
    with pytest.raises(ProblemError):
        confirm("cadabra")
    typed("cadabra")
    confirm("cadabra")


def test_a_share_is_written_either_way():
    assert deployment.share("5%") == deployment.share("0.05") == 0.05


@pytest.mark.parametrize("text", ["5", "-1%", "101%", "five"])
def test_a_share_beyond_all_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="is not between"):
        deployment.share(text)


def cost(capsys, *arguments):
    assert cli.main(["cost", *arguments]) == 0
    return capsys.readouterr().out


def test_the_cost_is_told_without_any_aws(capsys):
    said = cost(capsys, "--orders-per-day", "10,000", "--customers", "100_000")
    assert "10,000 orders a day" in said
    assert "List prices of us-east-1" in said


def test_the_cost_follows_the_volumes_and_the_parameters(capsys, tmp_path):
    (tmp_path / "shop.toml").write_text('OrdersSource = "kinesis"')
    plain = json.loads(cost(capsys, "--json", "--changed", "10%", "--run-minutes", "30"))
    through = json.loads(cost(capsys, "--json", "--parameters", str(tmp_path / "shop.toml")))
    assert plain["shop"]["changed"] == 0.1
    assert plain["shop"]["run_minutes"] == 30
    assert {line["type"] for line in through["lines"]} - {line["type"] for line in plain["lines"]} == {
        "AWS::Kinesis::Stream"
    }


def test_another_region_is_refused_by_name(capsys):
    with pytest.raises(SystemExit):
        cli.main(["cost", "--region", "eu-west-1"])
    assert "us-east-1" in capsys.readouterr().err
