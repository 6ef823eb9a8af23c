"""`cadabra retrain` tells what each step printed, also where only its log in S3 is to be had."""

import functools
import gzip
import io
import itertools

import pytest

from infra import run, step_logs

FOLDER = "logs/emr/j-1/steps/s-1"


class Elsewhere:
    """EMR and S3 in one: a step that runs at the first look and has ended at the second.

    `logs` maps a log to its text, or to the texts of one look after the other, None while it is on its way.
    """

    class exceptions:  # noqa: N801 (boto3's name)
        class NoSuchKey(Exception):  # noqa: N818 (AWS's name)
            pass

    def __init__(self, state="COMPLETED", **logs):
        self.state, self.looks = state, 0
        self.logs = {f"{FOLDER}/{name}.gz": text for name, text in logs.items()}

    def list_steps(self, **_asked):
        self.looks += 1
        state = "RUNNING" if self.looks == 1 else self.state
        return {"Steps": [{"Id": "s-1", "Name": "ingest", "Status": {"State": state}}]}

    def describe_cluster(self, **_asked):
        return {"Cluster": {"LogUri": "s3://bucket/logs/emr/"}}

    def get_object(self, *, Bucket, Key):  # noqa: N803 (S3's names)
        assert Bucket == "bucket"
        text = self.logs.get(Key)
        if isinstance(text, list):
            text = text.pop(0)
        if text is None:
            raise self.exceptions.NoSuchKey
        return {"Body": io.BytesIO(gzip.compress(text.encode()))}


@pytest.fixture
def followed(monkeypatch):
    """`followed(elsewhere)`: what is said of it; its clock is a minute further at each look."""

    def follow(elsewhere):
        minutes, said = itertools.count(0, 60), []
        archived = functools.partial(step_logs.Archived, clock=lambda: next(minutes))
        monkeypatch.setattr(run, "Archived", archived)
        monkeypatch.setattr(run, "client", lambda _service: elsewhere)
        monkeypatch.setattr(step_logs, "client", lambda _service: elsewhere)
        monkeypatch.setattr(run, "POLL_S", 0)
        try:
            run.follow("j-1", said.append, lambda _what: None)
        except run.RunFailedError as error:
            said.append(str(error))
        return said

    return follow


def test_a_step_that_was_seen_running_is_told_from_its_log_once_it_has_ended(followed):
    assert followed(Elsewhere(stdout="ingest: 3 new objects\ningest: done\n")) == [
        "ingest: 3 new objects",
        "ingest: done",
    ]


def test_a_log_that_emr_brings_after_the_steps_end_is_waited_for(followed):
    assert followed(Elsewhere(stdout=[None, None, "ingest: done\n"])) == ["ingest: done"]


def test_where_no_log_comes_within_minutes_it_says_where_it_will_be(followed):
    assert followed(Elsewhere()) == [f"stdout of step ingest will be in s3://bucket/{FOLDER}/stdout.gz"]


@pytest.mark.parametrize("log", ["", "one line\n"])
def test_no_line_is_told_twice(followed, log):
    assert followed(Elsewhere(stdout=log)) == log.splitlines()


def test_of_a_failed_step_sparks_last_words_are_told_then_its_own_then_that_it_failed(followed):
    """Spark's own stderr runs to thousands of lines."""
    stderr = "".join(f"WARN {n}\n" for n in range(1000))
    said = followed(Elsewhere("FAILED", stderr=[None, stderr], stdout="ingest: the table is gone\n"))
    assert said == [
        *(f"WARN {n}" for n in range(980, 1000)),
        "ingest: the table is gone",
        "step ingest failed: no reason given",
    ]


def test_a_step_that_never_ran_has_no_log_to_wait_for(followed):
    assert followed(Elsewhere("CANCELLED")) == ["step ingest cancelled: no reason given"]
