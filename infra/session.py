"""From here on this process speaks to a target: `up` starts the embedded one, `enter` finds it running."""

from collections.abc import Callable
from pathlib import Path

from infra import localstack, rebuild, target
from infra.deployment import deploy
from infra.local import stack as local
from infra.problem import ProblemError
from infra.stack import Stack
from infra.step_logs import StepFolder
from infra.target import Target

Say = Callable[[str], None]
_ENDED_BY = {
    target.LOCALSTACK: "`docker compose down` ends LocalStack's, and with `--volumes` forgets its shop too",
    target.AWS: "`cadabra --target aws destroy` takes down what was deployed there",
}


def up(data: Path, name: str, port: int | None, say: Say) -> Stack:
    """Start what is missing of the embedded target, and deploy into it; Docker has started LocalStack's."""
    if name == target.LOCALSTACK:
        return deploy.deploy(enter(data, name), say)
    if name != target.EMBEDDED:
        raise ProblemError(f"`cadabra up` is for emulators: `cadabra --target {name} deploy` deploys there")
    running = local.start(data, port=port)
    say(f"local AWS at {running.endpoint}, its state in {data}")
    target.embedded(local.environment(running)).enter()
    stack = deploy.deploy(target.embedded(local.environment(running)), say)
    if running.rebuild_needed:
        say("it was not stopped in order last time: what is not in S3 is rebuilt from S3")
        rebuild.rebuild(stack, say)
        local.acknowledge_rebuild(data)
    return stack


def down(data: Path, name: str, say: Say) -> None:
    if name != target.EMBEDDED:
        raise ProblemError(f"`cadabra down` ends the embedded target only. {_ENDED_BY[name]}")
    local.stop(data)
    say(f"nothing of {data} runs any more; its state stays")


def enter(data: Path, name: str) -> Target:
    """The target, running, with this process's environment set to it."""
    found = _target(data, name)
    found.enter()
    return found


def step_folder(data: Path, name: str) -> StepFolder | None:
    """Where an EMR step's output grows on this machine; None where EMR is elsewhere."""
    return local.running(data).step_folder if name == target.EMBEDDED else None


def _target(data: Path, name: str) -> Target:
    if name == target.AWS:
        return target.aws()
    if name == target.LOCALSTACK:
        found = target.localstack()
        localstack.require(found.environment)
        return found
    return target.embedded(local.environment(local.running(data)))
