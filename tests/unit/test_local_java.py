"""Which Java is found; small programs stand in for Javas of every age."""

import subprocess
import sys
from pathlib import Path

import pytest

from infra.local import java


def a_java(home: Path, version: str) -> Path:
    """A program that tells its home and version as every Java does."""
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    told = f"Property settings:\n    java.home = {home}\n    java.specification.version = {version}\n"
    program.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{told}END\n")
    program.chmod(0o755)
    return home


def test_java_home_comes_first(tmp_path):
    named, on_path = a_java(tmp_path / "named", "17"), a_java(tmp_path / "path", "21")
    assert java.find({"JAVA_HOME": str(named), "PATH": f"{on_path}/bin:/bin:/usr/bin"}) == named


def test_an_old_java_home_gives_way_to_a_newer_java_on_path(tmp_path):
    named, on_path = a_java(tmp_path / "named", "11"), a_java(tmp_path / "path", "21")
    assert java.find({"JAVA_HOME": str(named), "PATH": f"{on_path}/bin:/bin:/usr/bin"}) == on_path


def test_a_link_on_path_leads_to_the_home_that_java_tells(tmp_path):
    home = a_java(tmp_path / "home", "17")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").symlink_to(home / "bin" / "java")
    assert java.find({"PATH": f"{tmp_path}/bin:/bin:/usr/bin"}) == home


@pytest.mark.parametrize(("version", "seen"), [("1.8", "is Java 8"), ("11", "is Java 11")])
def test_a_java_too_old_is_named_in_the_message(tmp_path, version, seen):
    old = a_java(tmp_path / "old", version)
    with pytest.raises(java.JavaMissingError, match=seen) as caught:
        java.find_on_machine({"JAVA_HOME": str(old), "PATH": str(tmp_path)})
    assert "no java on PATH" in str(caught.value)
    assert "make setup" in str(caught.value)


def test_a_java_home_without_java_is_named_in_the_message(tmp_path):
    with pytest.raises(java.JavaMissingError, match=f"JAVA_HOME={tmp_path}/gone does not run"):
        java.find_on_machine({"JAVA_HOME": f"{tmp_path}/gone", "PATH": str(tmp_path)})


def test_the_wheel_s_shim_drops_the_one_argument_its_java_lacks(tmp_path):
    """Spaces and quotes in other arguments, and in the wheel's own path, come through whole."""
    real = tmp_path / "it's real" / "bin" / "java"
    real.parent.mkdir(parents=True)
    real.write_text(f"#!{sys.executable}\nimport sys\nprint(sys.argv[1:])\n")
    real.chmod(0o755)
    home = java.write_shim(tmp_path / "cache", real)
    arguments = ["-Dname=a b", "--add-modules=jdk.incubator.vector", "it's", ""]
    told = subprocess.run([home / "bin" / "java", *arguments], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == str(["-Dname=a b", "it's", ""])


def test_the_command_exits_with_1_and_one_message_where_the_machine_has_none(tmp_path):
    found = subprocess.run(
        [sys.executable, "-m", "infra.local.java", "--found"],
        env={"PATH": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 1
    assert "Spark needs Java 17 or newer" in found.stderr
    assert "Traceback" not in found.stderr
