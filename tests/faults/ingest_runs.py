"""A till's objects, and the ingest step that reads them, as EMR starts it. Used by ingest's fault tests."""

import contextlib
import gzip
import itertools
import os
import signal
import subprocess
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3

from contracts import lease, s3_layout
from infra.lake import ledger, tables
from infra.local import emr_steps, spark_conf
from infra.local.spark_home import spark_home

PROJECT = Path(__file__).resolve().parents[2]
DEADLINE_SECONDS = 300  # of one run on a busy machine
LEASE_SECONDS = 3600
# Iceberg waits two seconds before it asks S3 again: right for S3, long for a test.
BRISK = {"spark.sql.catalog.lake.s3.retry.min-wait-ms": "20"}
LONG_AGO = datetime(2019, 1, 1, tzinfo=UTC)  # when nothing else lands
_hours = itertools.count()
LINES = 200  # of an object: enough to be written, few enough to be quick
LINE = b"500001,10001,%s,2,2026-01-05T10:00:00Z,2.50,c1,France,%s-%d\n"
BAD = b"500001,10001,Lamp,many,2026-01-05T10:00:00Z,2.50,c1,France,%s-%d\n"


@dataclass
class Till:
    """A source of order lines whose objects land in an hour of their own, so that a run reads no others."""

    bucket: str
    source: str
    hour: datetime
    last: int = 0
    objects: int = 0
    landed: int = 0

    def line(self, *, bad: bool = False, text: bytes = b"Lamp") -> bytes:
        self.last += 1
        source = self.source.encode()
        return BAD % (source, self.last) if bad else LINE % (text, source, self.last)

    def lines(self, count: int = LINES) -> bytes:
        """So many good lines, and one in which the quantity is no number."""
        return b"".join(self.line() for _ in range(count)) + self.line(bad=True)

    def put(self, content: bytes) -> str:
        """An object of whole lines, gzip or plain."""
        plain = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
        self.landed += plain.count(b"\n")
        return self.put_bytes(content)

    def put_bytes(self, content: bytes) -> str:
        self.objects += 1
        key = f"{s3_layout.arrival_prefix(self.hour)}{self.source}-{self.objects:03d}"
        boto3.client("s3").put_object(Bucket=self.bucket, Key=key, Body=content)
        return key


def new_till(bucket: str) -> Till:
    """One whose objects land in an hour of their own, in a lake that is there."""
    glue = boto3.client("glue")
    with contextlib.suppress(glue.exceptions.AlreadyExistsException):
        glue.create_database(DatabaseInput={"Name": tables.DATABASE})
    hour = LONG_AGO + timedelta(hours=next(_hours))
    return Till(bucket, f"till-{uuid.uuid4().hex[:8]}", hour)


@dataclass
class Runs:
    """The ingest step as EMR starts it, each run under a lease of its own, over a way to the local AWS."""

    till: Till
    table: str
    folder: Path
    started: "list[subprocess.Popen[bytes]]" = field(default_factory=list)
    held: lease.Lease | None = None

    def start(self, url: str, *more: str, number: int = 0) -> "subprocess.Popen[bytes]":
        number = number or self._lease()
        work = self.folder / f"work-{len(self.started)}"
        work.mkdir()
        settings = (spark_conf.of_request(self.till.bucket) | BRISK).items()
        hour = self.till.hour.isoformat()
        with self._output(len(self.started)).open("wb") as out:
            running = subprocess.Popen(
                [
                    *(spark_home() / "bin" / "spark-submit", "--master", "local[2]"),
                    *(text for item in settings for text in ("--conf", "=".join(item))),
                    *(
                        PROJECT / "emr_jobs" / "ingest.py",
                        "--bucket",
                        self.till.bucket,
                        "--table",
                        self.table,
                    ),
                    *("--run", str(number), "--first", hour, "--last", hour, *more),
                ],
                env=emr_steps.step_environment(os.environ, {}, spark_home(), work)
                | {"AWS_ENDPOINT_URL": url},
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a kill takes Spark's Python with it
            )
        self.started.append(running)
        return running

    def kill(self) -> None:
        """The signal 9, of the step that was started last, its Python included."""
        os.killpg(self.started[-1].pid, signal.SIGKILL)

    def end(self) -> None:
        """What a test that failed left running."""
        for running in self.started:
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)
                running.wait()

    def run(self, url: str, *more: str) -> str:
        """One that must end well; what it said."""
        running = self.start(url, *more)
        assert running.wait(DEADLINE_SECONDS) == 0, self.said
        return self.said

    def _lease(self) -> int:
        dynamodb, now = boto3.client("dynamodb"), int(time.time())
        if self.held:
            lease.release(dynamodb, self.table, self.held.number)
        taken = lease.take(dynamodb, self.table, now)
        self.held = lease.start(dynamodb, self.table, taken, "j-TEST", now + LEASE_SECONDS)
        return self.held.number

    def _output(self, place: int) -> Path:
        return self.folder / f"run-{place}.out"

    @property
    def said(self) -> str:
        """By the step that was started last."""
        return self._output(len(self.started) - 1).read_text()


def stored(till, table, *columns):
    """The rows of the till's lines."""
    rows = tables.read(table, ("object", *columns)).to_pylist()
    prefix = s3_layout.arrival_prefix(till.hour)
    return [row for row in rows if row["object"].startswith(prefix)]


def assert_every_line_is_stored_once(till):
    """The tables together hold every sequence up to the last, and the ledger adds up."""
    lines = [row for table in ("orders", "rejects") for row in stored(till, table, "event_id", "line")]
    assert Counter(row["event_id"] for row in lines) == Counter(
        f"{till.source}-{number}" for number in range(1, till.last + 1)
    )
    assert len({(row["object"], row["line"]) for row in lines}) == len(lines)
    rows = stored(till, "ledger", "sources", "landed")
    assert len(rows) == till.objects
    assert sum(row["landed"] for row in rows) == till.landed
    (account,) = ledger.accounts(rows)
    assert account.agrees, account.complaint()
    assert account.written == till.last
