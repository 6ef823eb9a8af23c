"""The model: how good its lists would have been, and which settings are best."""

import argparse
import subprocess
import sys

from infra.commands.command import Command
from infra.problem import ProblemError


def _backtest(options: argparse.Namespace) -> None:
    if "--lake" in options.rest:
        from infra import session

        session.enter(options.data, options.target)  # it shows the program where the lake's AWS is
    _run("backtest", options.rest)


def _tune(options: argparse.Namespace) -> None:
    _run("tune", options.rest)


def _run(program: str, arguments: list[str]) -> None:
    """Beside this process: the model's code is another folder's, known by its command line alone."""
    ended = subprocess.run([sys.executable, "-m", f"emr_jobs.judging.{program}", *arguments], check=False)
    if ended.returncode:
        raise ProblemError(f"{program} stopped with exit code {ended.returncode}; its message stands above")


COMMANDS = {
    "backtest": Command(
        _backtest, "how good the lists would have been, beside every baseline (--help)", passes_on=True
    ),
    "tune": Command(
        _tune, "search the settings on a validation fortnight, write them (--help)", passes_on=True
    ),
}
