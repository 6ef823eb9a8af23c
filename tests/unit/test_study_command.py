"""`cadabra study`: what it sends to EMR, and how it hears the step."""

import json

import pytest

from emr_jobs.explicit import asked
from infra import study
from infra.cli import main
from infra.stack import Stack
from tests.unit.test_architecture import PROJECT


class S3:
    def __init__(self, text):
        self.text = text

    def get_object(self, **_place):
        text = self.text.encode()

        class Body:
            def read(self):
                return text

        return {"Body": Body()}


STACK = Stack(*Stack.__dataclass_fields__)


def test_the_step_is_the_deployed_requests_with_the_studys_script(monkeypatch):
    text = (PROJECT / "infra" / "emr_retrain.json").read_text().replace("$${", "${")
    monkeypatch.setattr(study, "client", lambda _name: S3(text))
    request = study.request(STACK, 42, ["--ratings", "s3://b/r.csv"])
    (sent,) = request["Steps"]
    arguments = sent["HadoopJarStep"]["Args"]
    assert (sent["Name"], request["Name"]) == ("study", "name-study-42")
    script = next(place for place, text in enumerate(arguments) if text.endswith("/study.py"))
    assert arguments[script + 1 :] == ["--bucket", "bucket", "--table", "table", "--ratings", "s3://b/r.csv"]
    assert request["Configurations"] == json.loads(text)["Configurations"]


def test_the_step_understands_what_the_command_sends(monkeypatch):
    text = (PROJECT / "infra" / "emr_retrain.json").read_text().replace("$${", "${")
    monkeypatch.setattr(study, "client", lambda _name: S3(text))
    sent = ["--ratings", "s3://b/r/x.csv", "--run", "42", "--folds", "3", "--scale", "1", "10", "--serve"]
    arguments = study.request(STACK, 42, sent)["Steps"][0]["HadoopJarStep"]["Args"]
    script = next(place for place, text in enumerate(arguments) if text.endswith("/study.py"))
    found = asked.Asked.of(asked.options(arguments[script + 1 :], ""))
    assert (found.ratings.bucket, found.ratings.key, found.items) == ("b", "r/x.csv", None)
    assert (found.folds.parts, found.folds.judged, found.scale.high, found.serve) == (3, 3, 10.0, True)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--scale", "5", "1"], "--scale 5 1 holds no rating: give the least first"),
        (["--scale", "1", "1"], "--scale 1 1 holds no rating"),
        (["--scale", "nan", "5"], "--scale nan 5 holds no rating"),
        (["--top", "31"], "'31' is no whole number from 1 to 30"),
        (["--folds", "1"], "'1' is no whole number from 2 to 127"),
    ],
)
def test_what_the_step_cannot_do_is_refused_before_spark_starts(wrong, said, capsys):
    with pytest.raises(SystemExit):
        asked.options(["--ratings", "s3://b/r", "--bucket", "b", "--table", "t", "--run", "1", *wrong], "")
    assert said in capsys.readouterr().err


def test_lines_that_count_move_the_bar_and_the_others_are_said(capsys):
    said = []
    with study.console.counting("a cluster", total=1) as progress:
        hear = study.heard(said.append, progress)
        hear("study: ratings: 3 lines = 3 kept (1.0 s)")
        hear("study: 2/13 biases alone, judged")
        task = progress.tasks[0]
        assert (task.completed, task.total, task.description) == (2, 13, "biases alone, judged")
    assert said == ["study: ratings: 3 lines = 3 kept (1.0 s)"]
    assert capsys.readouterr().out == ""


def test_without_a_running_aws_it_is_said_plainly(tmp_path, capsys):
    assert main(["--data", str(tmp_path / "none"), "study", "ratings.csv"]) == 1
    assert "Run `cadabra up` first" in capsys.readouterr().err


@pytest.mark.parametrize("given", [[], ["ratings.csv", "--fetch", "1795274406"]])
def test_it_studies_or_fetches(given, tmp_path, capsys):
    assert main(["--data", str(tmp_path), "study", *given]) == 1
    assert "give RATINGS, which are studied, or --fetch" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [["--folds", "1"], ["--top", "0"], ["--scale", "1"], ["--fetch", "newest"]])
def test_wrong_numbers_are_refused_before_anything_runs(wrong, tmp_path):
    with pytest.raises(SystemExit):
        main(["--data", str(tmp_path), "study", "ratings.csv", *wrong])
