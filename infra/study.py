"""`cadabra study`: ratings into the raw zone of the bucket, one EMR step over them, what it found fetched.

The cluster is the deployed EMR request's, with the study's step instead of the run's. Until its lists go live
it holds no lease: it writes no table of the orders.
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
from contracts.s3_layout import EMR_REQUEST, STUDIES
from infra import console, study_files
from infra.clients import client
from infra.run import RunFailedError, follow
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

    @property
    def files(self) -> dict[str, str]:
        given = {"ratings": self.ratings, "items": self.items}
        return {kind: file for kind, file in given.items() if file}


def study(stack: Stack, wish: Wish, say: Say, live: StepFolder | None = None) -> None:
    """Upload, run, follow, fetch. Raises ProblemError where a file is not there, or the step fails."""
    for given in wish.files.values():
        study_files.check(given)
    if wish.serve:
        say(f"--serve: this study's lists will replace {_live(stack)}")
    study_files.sweep(stack.bucket)
    run = int(time.time())
    cluster = _started(stack, run, wish)
    say(f"study {run}: cluster {cluster} started")
    _follow(stack, run, cluster, wish, say, live)
    fetch(stack, run, wish.out, say)


def fetch(stack: Stack, run: int, out: Path, say: Say) -> None:
    """What a finished study found; the copies of what it was given are not needed any more."""
    say(f"{study_files.fetch(stack.bucket, run, out)} files in {out}/")
    study_files.forget_raw(stack.bucket, run)


def _started(stack: Stack, run: int, wish: Wish) -> str:
    """The cluster; where there is none, no copy stays either."""
    try:
        arguments = ["--run", str(run), *wish.options, *(["--serve"] if wish.serve else [])]
        for kind, given in wish.files.items():
            arguments += [f"--{kind}", study_files.copy_raw(stack.bucket, run, kind, given)]
        return str(client("emr").run_job_flow(**request(stack, run, arguments))["JobFlowId"])
    except BaseException:
        study_files.forget_raw(stack.bucket, run)
        raise


def _follow(stack: Stack, run: int, cluster: str, wish: Wish, say: Say, live: StepFolder | None) -> None:
    try:
        with console.counting("a cluster", total=1) as progress:
            follow(cluster, heard(say, progress), _shown(progress), live)
    except RunFailedError:
        study_files.forget_raw(stack.bucket, run)
        if study_files.forget_half(stack.bucket, run):
            say(f"what it found is stored: `cadabra study --fetch {run} --out {wish.out}` fetches it")
        raise
    except BaseException:  # whatever ended this command ended no cluster
        say(_goes_on(stack, run, cluster, wish))
        raise


def _goes_on(stack: Stack, run: int, cluster: str, wish: Wish) -> str:
    lists = "WILL put its lists live in place of what is" if wish.serve else "puts nothing live"
    return (
        f"study {run} goes on, on cluster {cluster}, and {lists}. What it finds will be in "
        f"s3://{stack.bucket}/{STUDIES}<time of the newest rating>-{run}/; once it has ended, "
        f"`cadabra study --fetch {run} --out {wish.out}` fetches it. "
        f"To end it: `aws emr terminate-clusters --cluster-ids {cluster}`, or `cadabra down` of a local AWS"
    )


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
    if state and state.live_version:
        return f"{state.live_version}, which is live; `cadabra rollback` leads back"
    return "nothing: no lists are live"


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
