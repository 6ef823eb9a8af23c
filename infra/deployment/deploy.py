"""Artifacts, template and EMR request into a target; afterwards each service is asked for its things.

`cadabra deploy` calls it for every target, `cadabra up` for the emulated ones. It may be run again at any
time: what is right stays.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from infra import package
from infra.console import counted
from infra.deployment import (
    account,
    adopt,
    artifacts,
    changes,
    environment,
    network,
    parameters,
    request,
    resources,
    stack_state,
    template,
    verify,
)
from infra.deployment.changes import ChangeSet
from infra.deployment.references import Place
from infra.deployment.template import Template
from infra.local import delivery_stream
from infra.stack import DEFAULT_NAME, Stack
from infra.stack import find as find_stack
from infra.target import Target

Say = Callable[[str], None]
Approve = Callable[[ChangeSet, bool], None]  # the changes, and whether it is the first deploy


def _unasked(_changes: ChangeSet, _first: bool) -> None:
    """What `up` does: on one's own machine a deploy asks nobody."""


def deploy(
    target: Target,
    say: Say,
    *,
    file: Path | None = None,
    approve: Approve = _unasked,
    consent: Say | None = None,
    verbose: bool = False,
    name: str = DEFAULT_NAME,
) -> Stack:
    """`file` has the template's parameters; `approve` raises where all is to stay as it is.

    So does `consent`, which is told what a first deploy has to clear away or take over before it can plan.
    """
    consent = consent or say
    wanted = template.read()
    said = parameters.read(file, wanted) if file else None
    place = account.enter(target)
    if not target.emulated:
        say(f"account {place.account}, region {place.region}")
    first = not stack_state.make_ready(name, consent)
    if not target.emulated:
        network.check(_subnet(name, wanted, said))
    if first:
        _adopt(name, place, consent)
    built = package.artifacts()
    code = artifacts.bucket_name(name, place)
    chosen = _parameters(target, name, wanted, said, {"Artifacts": code, **parameters.codes(built)})
    planned = changes.plan(name, artifacts.template_argument(code, place, wanted.text), chosen)
    if planned:
        _ask(approve, planned, first=first)
    artifacts.put(code, name, place, built)
    say(f"{counted(len(built), 'artifact')} in s3://{code}")
    if not target.emulated:  # the local EMR runs steps on the project's own Python
        environment.put(code, say)
    if planned:
        changes.execute(planned)
    stack = find_stack(name)
    say(f"stack {name}: {planned or 'as it should be already'}")
    if target.own_firehose:
        delivery_stream.copy(stack.stream)
    request.put(target, stack, built)
    verify.deployed(target, name, wanted, say, verbose=verbose)
    return stack


def _subnet(name: str, wanted: Template, said: dict[str, str] | None) -> str:
    """The clusters', as it will be: the file's, or what the stack has, or the template's own."""
    default = str(wanted.parameters["Subnet"]["Default"])
    return (resources.parameters(name) if said is None else said).get("Subnet", default)


def _adopt(name: str, place: Place, consent: Say) -> None:
    """A bucket that outlived its stack is taken into the new one."""
    bucket = adopt.bucket_name(name, place)
    if adopt.bucket_exists(bucket):
        consent(f"bucket {bucket} outlived its stack and is taken into the new one")
        stack_state.remove(name)  # one in review, of a deploy that was killed
        adopt.import_bucket(name, bucket)


def _parameters(
    target: Target, name: str, wanted: Template, said: dict[str, str] | None, own: dict[str, str]
) -> list[dict[str, Any]]:
    """The template's parameters; `own` is what this deploy made."""
    of_target = {key: value for key, value in target.parameters.items() if key in parameters.SET_BY_DEPLOY}
    own = {"EmrEndpoint": "", **own, **of_target}
    return parameters.chosen(wanted, own, target.parameters, said, resources.parameters(name))


def _ask(approve: Approve, planned: ChangeSet, *, first: bool) -> None:
    """A change set that is not wanted goes again, and with it a stack that was begun for it."""
    try:
        approve(planned, first)
    except BaseException:
        changes.discard(planned)
        if first:
            stack_state.remove(planned.stack)
        raise
