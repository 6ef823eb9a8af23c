"""`cadabra retrain` tells what each step printed, also where only its log in S3 is to be had."""

import gzip
import io

import pytest

from infra import run


class Elsewhere:
    """EMR and S3 in one: a step that runs at the first look and has ended at the second."""

    class exceptions:  # noqa: N801 (boto3's name)
        class NoSuchKey(Exception):  # noqa: N818 (AWS's name)
            pass

    def __init__(self, log):
        self.looks, self.log = 0, log

    def list_steps(self, **_asked):
        self.looks += 1
        state = "RUNNING" if self.looks == 1 else "COMPLETED"
        return {"Steps": [{"Id": "s-1", "Name": "ingest", "Status": {"State": state}}]}

    def describe_cluster(self, **_asked):
        return {"Cluster": {"LogUri": "s3://bucket/logs/emr/"}}

    def get_object(self, **asked):
        if self.log is None:
            raise self.exceptions.NoSuchKey
        assert asked == {"Bucket": "bucket", "Key": "logs/emr/j-1/steps/s-1/stdout.gz"}
        return {"Body": io.BytesIO(gzip.compress(self.log.encode()))}


def followed(monkeypatch, log):
    elsewhere, said = Elsewhere(log), []
    monkeypatch.setattr(run, "client", lambda _service: elsewhere)
    monkeypatch.setattr(run, "POLL_S", 0)
    run.follow("j-1", said.append, lambda _what: None)
    return said


def test_a_step_that_was_seen_running_is_told_from_its_log_once_it_has_ended(monkeypatch):
    assert followed(monkeypatch, "ingest: 3 new objects\ningest: done\n") == [
        "ingest: 3 new objects",
        "ingest: done",
    ]


def test_while_the_log_is_on_its_way_it_says_where_it_will_be(monkeypatch):
    (said,) = followed(monkeypatch, None)
    assert "s3://bucket/logs/emr/j-1/steps/s-1/stdout.gz" in said


@pytest.mark.parametrize("log", ["", "one line\n"])
def test_no_line_is_told_twice(monkeypatch, log):
    assert followed(monkeypatch, log) == log.splitlines()
