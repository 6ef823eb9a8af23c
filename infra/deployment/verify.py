"""After a deploy each service is asked for its things, because a stack's status proves nothing.

An emulator can report a stack complete and have left out half of it; on AWS somebody may have taken a thing
away by hand.
"""

from collections.abc import Callable, Iterator

from botocore.exceptions import ClientError

from infra.console import counted
from infra.deployment import claimed, parity, resources
from infra.deployment.checks import CHECKS, absent
from infra.deployment.resources import Resource
from infra.deployment.template import Template
from infra.problem import ProblemError
from infra.target import Target

Say = Callable[[str], None]


def deployed(target: Target, stack: str, wanted: Template, say: Say, *, verbose: bool = False) -> None:
    """Raises ProblemError with all that is not there or does not work; what an emulator drops is set."""
    listed, unlisted = resources.of_stack(stack, wanted)
    standing = claimed.made(listed)
    wrongs = {each.name: wrong(each) for each in standing}
    if verbose:
        for each in standing:
            say(f"  {each.name}, {each.type} {wrongs[each.name] or 'is there'}")
    missing = [f"{each.name} is in the template and not in the stack" for each in unlisted]
    _refuse(stack, [*(f"{name} {wrong}" for name, wrong in wrongs.items() if wrong), *missing])
    _refuse(stack, list(_unset(target, standing, say)))
    say(f"asked for each of its {counted(len(standing), 'resource')}: all are there")


def wrong(resource: Resource) -> str:
    """What is wrong with it, as its service says; empty where nothing is."""
    check = CHECKS.get(resource.type)
    if check is None:
        return f"cannot be asked for: infra/deployment/checks.py has no check for {resource.type}"
    try:
        return check(resource)
    except ClientError as error:
        return f"is not there ({resource.id})" if absent(error) else f"cannot be asked for: {error}"


def _unset(target: Target, standing: list[Resource], say: Say) -> Iterator[str]:
    """Settings that do not stand, after those of an emulator were set by API."""
    lacking = list(parity.lacking(standing))
    if lacking and target.emulated:
        for lack in lacking:
            lack.mend()
        say(f"set by API, because the emulator drops it: {', '.join(map(str, lacking))}")
        lacking = list(parity.lacking(standing))
    return (f"{lack} is not set" for lack in lacking)


def _refuse(stack: str, lacking: list[str]) -> None:
    if lacking:
        raise ProblemError(
            f"stack {stack} is deployed, but not all of it works:\n  "
            + "\n  ".join(lacking)
            + "\nDeploy again. What CloudFormation takes to be there it does not make anew: for that, "
            "`cadabra destroy` first (the bucket with the orders stays)"
        )
