"""The artifacts: a zip for each Lambda, and what EMR fetches. `make package` writes them into build/.

Reproducible byte for byte: files in order of their names, with one date and one mode. The steps' Python
environment is an artifact of its own, infra/emr_environment: it is large, and the local EMR needs none.
"""

import hashlib
import sys
import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from contracts.s3_layout import ARTIFACTS
from infra import emr_environment
from infra.console import waiting
from infra.problem import ProblemError

PROJECT = Path(__file__).resolve().parents[1]
BUILD = PROJECT / "build"
LAMBDAS = ("start_retrain", "publish", "lookup")
EMR_ENTRIES = ("ingest.py", "retrain.py", "study.py")
EMR_BOOTSTRAP = "emr_bootstrap.sh"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date a zip can hold
_MODE = 0o644 << 16


@dataclass(frozen=True, slots=True)
class Artifact:
    name: str
    content: bytes
    key: str  # carries the digest: new code is a new key, and a run under way keeps its own


def artifacts(project: Path = PROJECT) -> dict[str, Artifact]:
    """Every artifact by name; the names are those of the template's and the EMR request's parameters."""
    built = {name: _lambda_zip(project, name) for name in LAMBDAS}
    return built | _emr_files(project)


def emr_folder(built: dict[str, Artifact]) -> str:
    """The folder in S3 that the EMR request names."""
    return built["emr_jobs"].key.rpartition("/")[0]


def _lambda_zip(project: Path, name: str) -> Artifact:
    content = archive({**_sources(project, "contracts"), **_sources(project / "lambda", name)})
    return Artifact(f"{name}.zip", content, f"{ARTIFACTS}{name}-{_digest(content)}.zip")


def _emr_files(project: Path) -> dict[str, Artifact]:
    code = archive({**_sources(project, "contracts"), **_sources(project, "emr_jobs")})
    scripts = {name: (project / "emr_jobs" / name).read_bytes() for name in EMR_ENTRIES}
    scripts[EMR_BOOTSTRAP] = (project / "infra" / EMR_BOOTSTRAP).read_bytes()
    folder = f"{ARTIFACTS}emr-{_digest(code + scripts[EMR_BOOTSTRAP])}/"
    return {
        "emr_jobs": Artifact("emr_jobs.zip", code, folder + "emr_jobs.zip"),
        **{name: Artifact(name, content, folder + name) for name, content in scripts.items()},
    }


def _sources(root: Path, package: str) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in (root / package).rglob("*.py")}


def archive(files: dict[str, bytes]) -> bytes:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = _MODE
            entry.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(entry, files[name])
    return packed.getvalue()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def main() -> int:
    BUILD.mkdir(exist_ok=True)
    for artifact in artifacts().values():
        (BUILD / artifact.name).write_bytes(artifact.content)
        print(f"build/{artifact.name}  {len(artifact.content):,} bytes  {_digest(artifact.content)}")
    environment = BUILD / emr_environment.NAME
    try:
        with waiting("fetching and packing the steps' Python environment"):
            emr_environment.build(environment)
    except ProblemError as error:
        print(error, file=sys.stderr)
        return 1
    with environment.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    print(f"build/{environment.name}  {environment.stat().st_size:,} bytes  {digest}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
