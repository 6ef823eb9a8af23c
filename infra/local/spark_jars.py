"""Spark's Iceberg jars: resolved once into the user's Ivy cache, then put on the class path, as EMR does it.

`python -m infra.local.spark_jars` (make setup) resolves them ahead of time; the local EMR and the tests ask
`conf()`.
"""

import argparse
import fcntl
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from infra import console
from infra.local import java, maven_mirror
from infra.local.spark_home import spark_home
from infra.problem import ProblemError

# The Iceberg of emr-spark-8.1.0, which brings it itself where a request says "iceberg.enabled".
PACKAGES = (
    "org.apache.iceberg:iceberg-spark-runtime-4.1_2.13:1.11.0",
    "org.apache.iceberg:iceberg-aws-bundle:1.11.0",
)
IVY_FOLDER = Path(".ivy2.5.2")  # in the user's home: the folder Spark 4.1 uses by itself
ERRORS_SHOWN = 3
_ERROR = re.compile(r"module not found|.*access error|Exception in")


class JarsMissingError(ProblemError):
    """The jars are not in the cache and could not be fetched."""


def conf(home: Path | None = None, packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """What a Spark session needs to have Iceberg: the cached files, or the packages where there are none.

    The class path starts a session about a second sooner than Ivy does, and needs no network.
    """
    home = home or Path.home()
    if missing(home, packages):
        return resolver_conf(home, packages)
    return {"spark.driver.extraClassPath": os.pathsep.join(map(str, cached(home, packages)))}


def missing(home: Path, packages: Sequence[str] = PACKAGES) -> list[Path]:
    return [jar for jar in cached(home, packages) if not jar.is_file()]


def cached(home: Path, packages: Sequence[str]) -> list[Path]:
    """Where Spark's Ivy puts each package's one jar (both are bundles that depend on nothing)."""
    return [
        home / IVY_FOLDER / "jars" / f"{group}_{artifact}-{version}.jar"
        for group, artifact, version in (package.split(":") for package in packages)
    ]


def resolver_conf(home: Path, packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """What makes Spark fetch the packages itself."""
    folder = home / IVY_FOLDER
    found = {"spark.jars.packages": ",".join(packages), "spark.jars.ivy": str(folder)}
    if settings := maven_mirror.write_ivy_settings(home, folder):
        found["spark.jars.ivySettings"] = str(settings)
    return found


def fetch(home: Path, spark: Path, java_home: Path, packages: Sequence[str] = PACKAGES) -> None:
    """Have Spark's Ivy bring what is missing; raises JarsMissingError."""
    with _one_at_a_time(home), tempfile.TemporaryDirectory() as folder:
        if not missing(home, packages):
            return
        nothing = Path(folder, "nothing.py")
        nothing.touch()
        settings = [f"--conf={key}={value}" for key, value in resolver_conf(home, packages).items()]
        report = subprocess.run(
            [spark / "bin" / "spark-submit", *settings, nothing],
            env={**os.environ, "SPARK_HOME": str(spark), "JAVA_HOME": str(java_home)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if report.returncode or missing(home, packages):
            raise JarsMissingError(_explain(report.stderr, packages))


def _explain(report: str, packages: Sequence[str]) -> str:
    """Ivy's report runs to pages; what went wrong on the way tells more than what was not found."""
    lines = dict.fromkeys(line.strip() for line in report.splitlines())
    errors = sorted(filter(_ERROR.match, lines), key=lambda line: "not found" in line)
    said = "\n  ".join(errors[:ERRORS_SHOWN] or ["nothing"])
    return (
        f"Spark's Iceberg jars ({', '.join(packages)}) could not be fetched. Look to the network or, where a "
        f"Maven mirror is needed, to ~/{maven_mirror.SETTINGS}; then run `make setup` again. Spark said:\n"
        f"  {said}"
    )


@contextmanager
def _one_at_a_time(home: Path) -> Iterator[None]:
    """Two resolutions at once spoil Ivy's cache."""
    folder = home / IVY_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "cadabra.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main(arguments: list[str] | None = None) -> int:
    argparse.ArgumentParser(
        prog="python -m infra.local.spark_jars", description="Fetch Spark's Iceberg jars ahead of time."
    ).parse_args(arguments)
    home = Path.home()
    if not missing(home):
        return 0
    try:
        with console.waiting("fetching Spark's Iceberg jars (110 MB)"):
            fetch(home, spark_home(), java.find())
    except ProblemError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
