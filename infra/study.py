"""`cadabra study`: ratings into the raw zone of the bucket, one EMR step over them, what it found fetched.

The cluster is the deployed EMR request's, with the study's step instead of the run's. It holds no lease: it
writes no table of the orders.
"""

import json
import re
import time
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from rich.progress import Progress

from contracts import publications
from contracts.s3_layout import EMR_REQUEST, STUDIES, raw_ratings_key
from infra import console
from infra.clients import client
from infra.problem import ProblemError
from infra.run import follow
from infra.stack import Stack
from infra.step_logs import Say, StepFolder

_STEP = re.compile(r"study: (\d+)/(\d+) (.*)")
_RETRAIN, _STUDY = "retrain.py", "study.py"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asks for; `ratings` and `items` are paths, or s3://BUCKET/KEY."""

    ratings: str
    items: str | None
    out: Path
    options: tuple[str, ...]  # for the step, as they are
    serve: bool


def study(stack: Stack, wish: Wish, say: Say, live: StepFolder | None = None) -> None:
    """Upload, run, follow, fetch. Raises ProblemError where a file is not there, or the step fails."""
    run = int(time.time())
    if wish.serve:
        say(f"--serve: this study's lists will replace {_live(stack)}; `cadabra rollback` leads back")
    arguments = ["--ratings", raw(stack, run, wish.ratings)]
    arguments += ["--items", raw(stack, run, wish.items)] if wish.items else []
    arguments += ["--run", str(run), *wish.options, *(["--serve"] if wish.serve else [])]
    with console.counting("a cluster", total=1) as progress:
        cluster = client("emr").run_job_flow(**request(stack, run, arguments))["JobFlowId"]
        say(f"cluster {cluster} started")
        follow(cluster, heard(say, progress), _shown(progress), live)
    say(f"{fetch(stack.bucket, run, wish.out)} files in {wish.out}/")


def fetch(bucket: str, run: int, out: Path) -> int:
    """What a study found, but its Parquet of all ratings, into a folder; the answer is how many files."""
    s3 = client("s3")
    folders = s3.list_objects_v2(Bucket=bucket, Prefix=STUDIES, Delimiter="/").get("CommonPrefixes", ())
    (folder,) = (found["Prefix"] for found in folders if found["Prefix"].endswith(f"-{run}/"))
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=folder, Delimiter="/").get("Contents", ())
    out.mkdir(parents=True, exist_ok=True)
    for found in listed:
        s3.download_file(bucket, found["Key"], str(out / found["Key"].removeprefix(folder)))
    return len(listed)


def raw(stack: Stack, run: int, given: str) -> str:
    """The file in the raw zone, as it came."""
    key = raw_ratings_key(run, given.rpartition("/")[2])
    s3 = client("s3")
    if given.startswith("s3://"):
        bucket, _, theirs = given.removeprefix("s3://").partition("/")
        s3.copy({"Bucket": bucket, "Key": theirs}, stack.bucket, key)
    elif Path(given).is_file():
        s3.upload_file(given, stack.bucket, key)
    else:
        raise ProblemError(f"there is no file {given}: give a path, or s3://BUCKET/KEY")
    return f"s3://{stack.bucket}/{key}"


def request(stack: Stack, run: int, arguments: list[str]) -> dict[str, Any]:
    """The deployed request with one step, the study's."""
    text = client("s3").get_object(Bucket=stack.artifacts, Key=EMR_REQUEST)["Body"].read().decode()
    deployed: dict[str, Any] = json.loads(Template(text).safe_substitute(Run=run, Began=run))
    step = next(step for step in deployed["Steps"] if step["Name"] == "retrain")
    theirs: list[str] = step["HadoopJarStep"]["Args"]
    script = next(place for place, text in enumerate(theirs) if text.endswith(_RETRAIN))
    before = [*theirs[:script], theirs[script].removesuffix(_RETRAIN) + _STUDY]
    own = ["--bucket", stack.bucket, "--table", stack.table, *arguments]
    jar = {**step["HadoopJarStep"], "Args": [*before, *own]}
    name = f"{stack.name}-study-{run}"
    return deployed | {"Name": name, "Steps": [{**step, "Name": "study", "HadoopJarStep": jar}]}


def _live(stack: Stack) -> str:
    state = publications.read(client("dynamodb"), stack.table)
    return (
        f"{state.live_version}, which is live"
        if state and state.live_version
        else "nothing: no lists are live"
    )


def heard(say: Say, progress: Progress) -> Say:
    """The step's lines; those that count become the bar."""

    def hear(line: str) -> None:
        if found := _STEP.fullmatch(line):
            done, total, what = found.groups()
            progress.update(progress.task_ids[0], completed=int(done), total=int(total), description=what)
        else:
            say(line)

    return hear


def _shown(progress: Progress) -> Say:
    """What goes on until the step counts for itself."""

    def show(what: str) -> None:
        if not progress.tasks[0].completed:
            progress.update(progress.task_ids[0], description=what)

    return show
