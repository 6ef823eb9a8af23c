"""The steps' Python environment: what the steps import, locked, and packed to the same bytes each time."""

import ast
import os
import re
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from infra import emr_environment, package

PROJECT = Path(__file__).resolve().parents[2]
EMRS_OWN = {"pyspark"}
ASKED_BY_PYSPARK = {"pandas"}
BROUGHT_BY_OTHERS = {"botocore"}  # boto3 is botocore's version


def module_file(name):
    path = PROJECT.joinpath(*name.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def imported_by(path):
    """Every module a file may import, inside functions too; of `from a import b` both a and a.b."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))


def packages_of_the_steps():
    """Those that the entries come to import, by way of our own modules."""
    to_read = [f"emr_jobs.{Path(entry).stem}" for entry in package.EMR_ENTRIES]
    read, found = set(), set()
    while to_read:
        path = module_file(to_read.pop())
        if path is None or path in read:
            continue
        read.add(path)
        for name in imported_by(path):
            top = name.partition(".")[0]
            if top in {"emr_jobs", "contracts"}:
                to_read.append(name)
            elif top not in sys.stdlib_module_names:
                found.add(top)
    return found


def locked(name):
    text = (PROJECT / "requirements" / name).read_text()
    return set(re.findall(r"^([a-z0-9-]+)==([^ ;]+)", text, re.MULTILINE))


def test_emr_gets_what_the_steps_import_and_nothing_else():
    text = (PROJECT / "requirements" / "emr.in").read_text()
    asked = re.findall(r"^([a-z0-9-]+)", text, re.MULTILINE)
    needed = packages_of_the_steps() - EMRS_OWN - BROUGHT_BY_OTHERS
    assert set(asked) == needed | ASKED_BY_PYSPARK


def test_emr_gets_the_versions_that_are_tested_here():
    assert locked("emr.lock") <= locked("app.lock")


def test_the_bootstrap_loads_what_emr_gets():
    script = (PROJECT / "infra" / package.EMR_BOOTSTRAP).read_text()
    loaded = {name.partition(".")[0] for name in re.search(r'"import (.+)"', script)[1].split(", ")}
    assert loaded == packages_of_the_steps() - EMRS_OWN - BROUGHT_BY_OTHERS - {"numpy"} | ASKED_BY_PYSPARK


def wheel(folder, name, files, *, date):
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as packed:
        for file in files:
            packed.writestr(zipfile.ZipInfo(file, date), f"# {file}\n")
    os.utime(path, (date[0], date[0]))
    return path


def wheels(folder, *, date, backwards=False):
    """Two packages; one has a command, a header, and a module in its data's purelib."""
    folder.mkdir()
    files = ["tool/__init__.py", "tool-1.0.data/scripts/tool", "tool-1.0.data/headers/tool.h"]
    files += ["tool-1.0.data/purelib/tool_more.py", "tool-1.0.dist-info/METADATA"]
    made = [
        wheel(folder, "tool", reversed(files) if backwards else files, date=date),
        wheel(folder, "a_shop", ["a_shop.py"], date=date),
    ]
    return reversed(made) if backwards else made


def test_the_same_wheels_make_the_same_bytes_whenever_and_wherever(tmp_path):
    first, second = tmp_path / "first.tar.gz", tmp_path / "of another name"
    emr_environment.pack(wheels(tmp_path / "one", date=(1999, 1, 1, 0, 0, 0)), first)
    emr_environment.pack(wheels(tmp_path / "two", date=(2026, 11, 20, 9, 8, 6), backwards=True), second)
    assert first.read_bytes() == second.read_bytes()


def test_it_is_a_virtual_environment_of_the_nodes_python_with_the_packages_in_place(tmp_path):
    target = tmp_path / "environment.tar.gz"
    emr_environment.pack(wheels(tmp_path / "wheels", date=(2026, 1, 1, 0, 0, 0)), target)
    with tarfile.open(target) as archive:
        assert archive.getmember("bin/python").linkname == "/usr/bin/python3.11"
        assert b"home = /usr/bin" in archive.extractfile("pyvenv.cfg").read()
        names = {name.removeprefix("lib/python3.11/site-packages/") for name in archive.getnames()}
    packages = {"a_shop.py", "tool/__init__.py", "tool_more.py", "tool-1.0.dist-info/METADATA"}
    assert names == {"pyvenv.cfg", "bin/python"} | packages


def test_a_changed_lock_is_a_new_key(tmp_path):
    lock = tmp_path / "emr.lock"
    lock.write_text("numpy==1\n")
    first = emr_environment.key(lock)
    lock.write_text("numpy==2\n")
    assert emr_environment.key(lock) != first


def test_wheels_that_cannot_be_had_are_named_with_what_pip_said(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    lock = tmp_path / "emr.lock"
    lock.write_text(f"nobody-has-this==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(emr_environment.WheelsMissingError, match=r"(?s)emr\.lock names.*nobody-has-this"):
        emr_environment.build(tmp_path / "environment.tar.gz", lock)
    assert not list(tmp_path.glob("environment*"))


def test_the_artifacts_are_the_same_bytes_in_another_folder_at_another_time(tmp_path):
    for folder in ("contracts", "emr_jobs", "lambda", "infra"):
        for path in (PROJECT / folder).rglob("*"):
            if path.suffix in {".py", ".sh"}:
                copy = tmp_path / path.relative_to(PROJECT)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(path.read_bytes())
                os.utime(copy, (0, 0))
    assert package.artifacts(tmp_path) == package.artifacts()
