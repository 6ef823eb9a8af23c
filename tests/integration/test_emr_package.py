"""What `make package` made, as a node uses it: the environment's Python, EMR's own pyspark, and the zip."""

import os
import subprocess
import tarfile
from pathlib import Path

import pyspark
import pytest

from infra import emr_environment, package

ENVIRONMENT = package.BUILD / emr_environment.NAME
NODES_PYTHON = Path("/usr/bin/python3.11")
PACKAGES = ("lightgbm", "matplotlib.figure", "numba", "numpy", "pandas", "pyarrow.dataset", "scipy.sparse")
IMPORT = """
import importlib, sys
folder, *names = sys.argv[1:]
files = [importlib.import_module(name).__file__ for name in names]
assert all(file.startswith(folder) for file in files), files
from emr_jobs import rehearsal
rehearsal.rehearse()
"""


def why_not():
    if not NODES_PYTHON.exists():
        return f"there is no {NODES_PYTHON} here, as EMR's nodes have it"
    if not ENVIRONMENT.exists() or ENVIRONMENT.stat().st_mtime < emr_environment.LOCK.stat().st_mtime:
        return "build/ has no environment of the present lock: make package"
    return ""


@pytest.mark.skipif(bool(why_not()), reason=why_not())
def test_every_entry_imports_and_a_tiny_shop_goes_through_the_model(tmp_path):
    folder, emrs, code = tmp_path / "environment", tmp_path / "emrs", tmp_path / "emr_jobs.zip"
    with tarfile.open(ENVIRONMENT) as archive:
        archive.extractall(folder, filter="fully_trusted")  # noqa: S202 (bin/python leads out of it on purpose)
    emrs.mkdir()
    for name in ("pyspark", "py4j"):
        (emrs / name).symlink_to(Path(pyspark.__file__).parents[1] / name)
    code.write_bytes(package.artifacts()["emr_jobs"].content)
    entries = [f"emr_jobs.{Path(name).stem}" for name in package.EMR_ENTRIES]
    ended = subprocess.run(
        [folder / "bin" / "python", "-c", IMPORT, str(tmp_path), *PACKAGES, *entries],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{code}:{emrs}", "HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
