"""The model: how good its lists would have been, which settings are best, and which ones the runs use."""

import argparse
import subprocess
import sys
from pathlib import Path

from infra.commands.command import Command
from infra.problem import ProblemError


def _backtest(options: argparse.Namespace) -> None:
    if "--lake" in options.rest:
        from infra import session

        session.enter(options.data, options.target)  # it shows the program where the lake's AWS is
    _run("backtest", options.rest)


def _tune(options: argparse.Namespace) -> None:
    _run("tune", options.rest)


def _settings(options: argparse.Namespace) -> None:
    from infra import model_settings, session, stack

    if options.action == "put" and options.file is None:
        raise ProblemError("put which file? `cadabra tune FILE --out settings.toml` writes one")
    session.enter(options.data, options.target)
    found = stack.find()
    if options.action == "put":
        model_settings.put(found, options.file)
    elif options.action == "reset":
        model_settings.reset(found)
    else:
        model_settings.show(found)


def _settings_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("show", "put", "reset"), help="reset: the defaults again")
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="to put, as `tune` writes it")


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
    "settings": Command(
        _settings, "the settings that every run of the model uses: show, put, reset", _settings_arguments
    ),
}
