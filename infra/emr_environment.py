"""The steps' Python environment: an archive that is a virtual environment of the EMR nodes' own Python.

It is what requirements/emr.lock says and nothing else: the locked wheels, unpacked, beside a bin/python that
leads to the node's interpreter. The same lock makes the same bytes, so its key is known before it is made;
only `make package` and a deploy to AWS make it. infra/emr_bootstrap.sh lays it on each node.
"""

import gzip
import hashlib
import stat
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path

from contracts.s3_layout import ARTIFACTS
from infra.problem import ProblemError

PROJECT = Path(__file__).resolve().parents[1]
LOCK = PROJECT / "requirements" / "emr.lock"
NAME = "environment.tar.gz"
PYTHON = (3, 11)  # of emr-spark-8.1.0, which has 3.13 too
_VERSION = ".".join(map(str, PYTHON))
_INTERPRETER = f"/usr/bin/python{_VERSION}"
_PYVENV = f"home = /usr/bin\ninclude-system-site-packages = false\nversion = {_VERSION}\n"
_PACKAGES = f"lib/python{_VERSION}/site-packages/"
_GLIBC_MOST = 34  # Amazon Linux 2023 has glibc 2.34
_PLATFORMS = [
    "manylinux2014_x86_64",
    *(f"manylinux_2_{minor}_x86_64" for minor in range(17, _GLIBC_MOST + 1)),
]
_LEVEL = 6  # of gzip: at 9 it takes three times as long for one part in a hundred


class WheelsMissingError(ProblemError):
    """The locked wheels could not be fetched."""


def key(lock: Path = LOCK) -> str:
    """Where the archive lies in S3; a changed lock is a new key."""
    made_of = lock.read_bytes() + _PYVENV.encode() + _INTERPRETER.encode()
    return f"{ARTIFACTS}environment-{hashlib.sha256(made_of).hexdigest()[:16]}.tar.gz"


def build(target: Path, lock: Path = LOCK) -> None:
    """Fetch the locked wheels for the nodes' platform, whatever this machine is, and pack them."""
    with tempfile.TemporaryDirectory() as folder:
        _download(lock, Path(folder))
        pack(Path(folder).glob("*.whl"), target)


def pack(wheels: Iterable[Path], target: Path) -> None:
    """The archive: files in order of their names, all of one date and one owner."""
    partial = target.with_name(target.name + ".partial")
    with (
        partial.open("wb") as file,
        gzip.GzipFile("", "wb", _LEVEL, file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive,
    ):
        _add(archive, "pyvenv.cfg", _PYVENV.encode(), executable=False)
        link = tarfile.TarInfo("bin/python")
        link.type, link.linkname, link.mode = tarfile.SYMTYPE, _INTERPRETER, 0o777
        archive.addfile(link)
        for wheel in sorted(wheels, key=lambda path: path.name):
            for name, content, executable in _unpacked(wheel):
                _add(archive, _PACKAGES + name, content, executable=executable)
    partial.replace(target)


def _unpacked(wheel: Path) -> Iterator[tuple[str, bytes, bool]]:
    """What a wheel puts among the packages; its commands and headers are nobody's there."""
    with zipfile.ZipFile(wheel) as content:
        for entry in sorted(content.infolist(), key=lambda entry: entry.filename):
            if entry.is_dir() or not (name := _place(entry.filename)):
                continue
            executable = bool(entry.external_attr >> 16 & stat.S_IXUSR)
            yield name, content.read(entry), executable


def _place(name: str) -> str:
    folder, _, rest = name.partition("/")
    if not folder.endswith(".data"):
        return name
    kind, _, inner = rest.partition("/")
    return inner if kind in {"purelib", "platlib"} else ""


def _add(archive: tarfile.TarFile, name: str, content: bytes, *, executable: bool) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o755 if executable else 0o644
    archive.addfile(entry, BytesIO(content))


def _download(lock: Path, folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    command += ["--no-deps", "--require-hashes", "--only-binary=:all:", "--implementation=cp"]
    command += [f"--python-version={_VERSION}", *(f"--platform={name}" for name in _PLATFORMS)]
    command += [f"--dest={folder}", f"--requirement={lock}"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        said = "\n  ".join(ended.stderr.strip().splitlines()[-3:])
        raise WheelsMissingError(
            f"the wheels that {lock.name} names could not be fetched. Look to the network, or to pip's own "
            f"settings where an index of yours is needed. pip said:\n  {said}"
        )
