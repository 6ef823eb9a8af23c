"""One step: its objects fetched, spark-submit run, its logs put where EMR puts them, a failure explained."""

import gzip
import logging
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from infra.local import java, processes, spark_jars
from infra.local.emr_failure import cause, tail
from infra.local.emr_records import Cluster, Step
from infra.local.spark_home import spark_home
from infra.local.spark_submit import Fetch, Machine, StepRefusedError, Submission, translate

COMMAND_RUNNER = "command-runner.jar"
LOGS = ("controller", "stdout", "stderr")

log = logging.getLogger(__name__)


class StepRun:
    """A step on its way, from its objects in S3 to its logs there."""

    def __init__(self, s3: Any, folder: Path, cluster: Cluster, step: Step) -> None:
        self._s3 = s3
        self._cluster = cluster
        self._step = step
        self.folder = folder / step.id
        self._log_uri = cluster.request.get("LogUri", "")

    def run(self, started: Callable[[processes.Guarded], None]) -> dict[str, str] | None:
        """Its failure as DescribeStep shows it, None where it ended well.

        `started` gets the process as soon as there is one, to write it down and to be able to kill it.
        """
        work = self.folder / "work"
        work.mkdir(parents=True, exist_ok=True)
        for name in LOGS:
            (self.folder / name).touch()
        try:
            reason = self._submit(self._prepared(work), work, started)
        except (StepRefusedError, java.JavaMissingError) as error:
            reason = str(error)
            self._say(reason)
        failure = self._explain(reason) if reason else None
        self._ship_logs()
        shutil.rmtree(work, ignore_errors=True)
        return failure

    def _prepared(self, work: Path) -> Submission:
        if self._step.jar != COMMAND_RUNNER:
            raise StepRefusedError(f"the local EMR runs {COMMAND_RUNNER} only, not {self._step.jar}")
        submission = translate(
            self._step.arguments,
            self._cluster.request.get("Configurations") or [],
            work=work,
            machine=this_machine(),
            iceberg_conf=spark_jars.conf(),
        )
        for action in self._cluster.request.get("BootstrapActions") or []:
            self._say(f"bootstrap action {action.get('Name')} is for EMR's nodes: left out")
        for note in submission.notes:
            self._say(note)
        for fetch in submission.fetches:
            self._fetch(fetch)
        return submission

    def _fetch(self, fetch: Fetch) -> None:
        place = urlsplit(fetch.uri)
        self._say(f"fetching {fetch.uri}")
        try:
            self._s3.download_file(place.netloc, place.path.lstrip("/"), str(fetch.path))
            if fetch.unpack_as:
                shutil.unpack_archive(fetch.path, fetch.path.parent / fetch.unpack_as)
        except (ClientError, BotoCoreError, OSError, shutil.ReadError) as error:
            raise StepRefusedError(f"{fetch.uri} could not be fetched: {error}") from error

    def _submit(
        self, submission: Submission, work: Path, started: Callable[[processes.Guarded], None]
    ) -> str:
        """Why it failed; empty where it did not."""
        home = spark_home()
        command = [str(home / "bin" / "spark-submit"), *submission.arguments]
        self._say("running " + " ".join(command))
        begun = time.monotonic()
        with (self.folder / "stdout").open("ab") as stdout, (self.folder / "stderr").open("ab") as stderr:
            process = processes.start(
                command,
                environment=step_environment(os.environ, submission.environment, home, work),
                folder=work,
                stdout=stdout,
                stderr=stderr,
            )
            try:
                started(process)
                process.wait()
            finally:
                status = process.end()
        ended = f"{processes.how_it_ended(status)} after {time.monotonic() - begun:.1f} s"
        self._say(f"spark-submit {ended}")
        return f"spark-submit {ended}" if status else ""

    def _explain(self, reason: str) -> dict[str, str]:
        message, name = cause(tail(self.folder / "stdout"), tail(self.folder / "stderr"))
        failure = {"Reason": reason, "Message": message or reason}
        return failure | ({"LogFile": self._log_file(name or "controller")} if self._log_uri else {})

    def _log_file(self, name: str) -> str:
        return f"{self._log_uri.rstrip('/')}/{self._cluster.id}/steps/{self._step.id}/{name}.gz"

    def _ship_logs(self) -> None:
        if not self._log_uri:
            return
        try:
            for name in LOGS:
                place = urlsplit(self._log_file(name))
                body = gzip.compress((self.folder / name).read_bytes())
                self._s3.put_object(Bucket=place.netloc, Key=place.path.lstrip("/"), Body=body)
        except (ClientError, BotoCoreError, OSError) as error:
            self._say(f"the logs stay in {self.folder}: {self._log_uri} does not take them ({error})")
            log.warning("step %s: its logs stay in %s (%s)", self._step.id, self.folder, error)

    def _say(self, text: str) -> None:
        with (self.folder / "controller").open("a") as file:
            file.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {text}\n")


def step_environment(
    ours: Mapping[str, str], requested: Mapping[str, str], home: Path, work: Path
) -> dict[str, str]:
    """What spark-submit sees: this machine's Spark, Java and Python, and the AWS we were given."""
    dropped = {"SPARK_CONF_DIR", "PYTHONPATH", "PYSPARK_DRIVER_PYTHON", "PYSPARK_SUBMIT_ARGS"}
    kept = {key: value for key, value in ours.items() if key not in dropped}
    return {
        **kept,
        **requested,
        "SPARK_HOME": str(home),
        "JAVA_HOME": str(java.find()),
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "TMPDIR": str(work),
        "PYTHONUNBUFFERED": "1",  # so that the step's progress can be followed
    }


def this_machine() -> Machine:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(len(os.sched_getaffinity(0)), memory // 1024**2)
