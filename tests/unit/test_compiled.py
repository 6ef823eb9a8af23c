"""A kernel's machine code is found again whatever zip it is imported from."""

import os
import subprocess
import sys

import pytest

from infra import package

USE_A_KERNEL = """
import sys
sys.path[0] = sys.argv[1]
import numpy as np
from emr_jobs import topk
assert topk.__file__.startswith(sys.argv[1]), topk.__file__
scores = np.zeros((1, 2), np.float32)
topk.bar_bought(scores, 0, np.array([0, 1]), np.array([1], np.int32))
assert scores.tolist()[0][1] < -1e29, scores
print(sum(topk.bar_bought.stats.cache_hits.values()))
"""


@pytest.fixture(scope="module")
def archive():
    return package.artifacts()["emr_jobs"].content


def hits(archive, folder, cache):
    """How often the kernel came from the cache, used from a zip in this folder by a process of its own."""
    folder.mkdir()
    (folder / "emr_jobs.zip").write_bytes(archive)
    command = [sys.executable, "-c", USE_A_KERNEL, str(folder / "emr_jobs.zip")]
    environment = {"PATH": os.environ["PATH"], "XDG_CACHE_HOME": str(cache), "HOME": str(folder)}
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return int(ended.stdout)


def test_another_zip_of_the_same_source_finds_the_code(archive, tmp_path):
    cache = tmp_path / "cache"
    assert hits(archive, tmp_path / "first-run", cache) == 0
    assert hits(archive, tmp_path / "second-run", cache) == 1


def test_where_nothing_can_be_kept_it_is_compiled_anew(archive, tmp_path):
    (tmp_path / "no-folder").write_bytes(b"")
    for run in ("first-run", "second-run"):
        assert hits(archive, tmp_path / run, tmp_path / "no-folder") == 0
