"""The lake through a Spark on this machine, set up as the target's EMR request has it. For `cadabra sql`."""

import json
import logging
import os
import shlex
import signal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contracts.s3_layout import EMR_REQUEST
from infra.clients import client
from infra.lake import tables
from infra.local import spark_jars
from infra.local.emr_steps import step_environment, this_machine
from infra.local.spark_home import spark_home
from infra.local.spark_submit import translate
from infra.problem import ProblemError
from infra.stack import Stack

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CATALOG = "lake"  # as the request's spark-defaults name it
_SHELL = "pyspark-shell"  # what spark-submit calls a Spark that a Python process drives
_LAST_WORDS = 2000  # of a Spark that does not start


class SparkFailedError(ProblemError):
    """No Spark could be started here."""


@contextmanager
def opened(stack: Stack) -> Iterator["SparkSession"]:
    """A session whose tables are the lake's; it says nothing on the terminal."""
    with _quiet(stack) as (gateway, log):
        session = _session(gateway, log)
        session.sql(f"USE {CATALOG}.{tables.DATABASE}")
        yield session


@contextmanager
def lent(stack: Stack) -> Iterator[dict[str, str]]:
    """The environment in which another Python program finds such a Spark running."""
    with _quiet(stack) as (gateway, _):
        held = gateway.gateway_parameters
        yield {"PYSPARK_GATEWAY_PORT": str(held.port), "PYSPARK_GATEWAY_SECRET": held.auth_token}


@contextmanager
def _quiet(stack: Stack) -> Iterator[tuple[Any, Path]]:
    """A Spark's JVM, and the file that has what it says."""
    with tempfile.TemporaryDirectory(prefix="cadabra-sql-", ignore_cleanup_errors=True) as folder:
        work = Path(folder)
        _prepare(_configurations(stack), work)
        with _java(work / "spark.log") as gateway:
            yield gateway, work / "spark.log"


def _configurations(stack: Stack) -> list[dict[str, Any]]:
    """What the deployed EMR request gives its clusters' Spark."""
    text = client("s3").get_object(Bucket=stack.artifacts, Key=EMR_REQUEST)["Body"].read()
    found: list[dict[str, Any]] = json.loads(text)["Configurations"]
    return found


def _prepare(configurations: Sequence[Mapping[str, Any]], work: Path) -> None:
    """The environment of a step of the local EMR becomes this process's own; the JVM is its child."""
    submission = translate(
        ("spark-submit", "--conf", f"spark.sql.warehouse.dir={work / 'warehouse'}", _SHELL),
        configurations,
        work=work,
        machine=this_machine(),
        iceberg_conf=spark_jars.conf(),
    )
    os.environ.update(step_environment(os.environ, submission.environment, spark_home(), work))
    os.environ["PYSPARK_SUBMIT_ARGS"] = shlex.join(submission.arguments)


@contextmanager
def _java(log: Path) -> Iterator[Any]:
    """Spark's JVM in a session of its own: what ends us does not reach it, and at the end it is killed.

    It only reads, so there is nothing for it to finish.
    """
    from pyspark.java_gateway import launch_gateway

    launch: Any = launch_gateway
    with log.open("wb") as said:
        try:
            gateway = launch(popen_kwargs={"stdout": said, "stderr": said, "start_new_session": True})
        except Exception as error:
            raise SparkFailedError(_last_words(log)) from error
    try:
        yield gateway
    finally:
        with suppress(ProcessLookupError):
            os.killpg(gateway.proc.pid, signal.SIGKILL)
        gateway.proc.wait()


def _session(gateway: Any, log: Path) -> "SparkSession":
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    logging.disable(logging.ERROR)  # PySpark and py4j write each error with its stack besides raising it
    interrupt = signal.getsignal(signal.SIGINT)
    try:
        session = SparkSession(SparkContext(gateway=gateway))
    except Exception as error:
        raise SparkFailedError(_last_words(log)) from error
    signal.signal(signal.SIGINT, interrupt)  # PySpark's own would ask the JVM in the middle of an answer
    return session


def _last_words(log: Path) -> str:
    return f"Spark does not start here. It said:\n{log.read_text(errors='replace')[-_LAST_WORDS:]}"
