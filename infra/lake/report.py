"""`cadabra report`: one HTML page of everything, made by emr_jobs/report.py with a Spark on this machine."""

import os
import subprocess
import sys
from pathlib import Path

from infra import console
from infra.lake import local_spark
from infra.problem import ProblemError
from infra.stack import Stack


def write(stack: Stack, out: Path, weeks: int | None) -> None:
    """`weeks` of the lists' quality are judged anew; None leaves it to the program."""
    given = ["--bucket", stack.bucket, "--table", stack.table, "--out", str(out)]
    given += [] if weeks is None else ["--weeks", str(weeks)]
    with console.waiting("Spark starts") as progress, local_spark.lent(stack) as spark:
        progress.stop()
        command = [sys.executable, "-m", "emr_jobs.report", *given]
        ended = subprocess.run(command, env=os.environ | spark, check=False)
    if ended.returncode:
        raise ProblemError(f"no report was made (exit code {ended.returncode}); the message stands above")
