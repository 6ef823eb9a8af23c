"""Where this environment's Spark is. Used to fetch its jars, and to run the local EMR's steps."""

import importlib.util
from pathlib import Path

from infra.problem import ProblemError


class SparkMissingError(ProblemError):
    """pyspark is not in this environment."""


def spark_home() -> Path:
    package = importlib.util.find_spec("pyspark")
    if package is None or package.origin is None:
        raise SparkMissingError("pyspark is not installed: run `make setup`")
    return Path(package.origin).parent
