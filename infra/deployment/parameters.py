"""The template's parameters: a small TOML file says them, and what it leaves out keeps its default.

    cadabra deploy --parameters FILE

infra/parameters.example.toml has every one of them. Without a file, a stack that stands keeps what it has.
"""

import difflib
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from infra.deployment.template import Template
from infra.package import LAMBDAS, Artifact
from infra.problem import ProblemError

Declared = Mapping[str, Any]
_CODES = {name: f"{name.title().replace('_', '')}Code" for name in LAMBDAS}
SET_BY_DEPLOY = frozenset({"Artifacts", "EmrEndpoint", *_CODES.values()})


def codes(built: Mapping[str, Artifact]) -> dict[str, str]:
    """Where each Lambda's zip lies."""
    return {parameter: built[name].key for name, parameter in _CODES.items()}


def read(path: Path, template: Template) -> dict[str, str]:
    """The file's parameters; raises ProblemError with everything that is wrong with them."""
    try:
        said = tomllib.loads(path.read_text())
    except OSError as error:
        raise ProblemError(f"the parameters in {path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProblemError(f"{path} is no TOML: {error}") from error
    if wrong := list(_wrong(said, template)):
        raise ProblemError(f"the parameters in {path} are wrong:\n  " + "\n  ".join(wrong))
    return {name: _text(value) for name, value in said.items()}


def settable(template: Template) -> list[str]:
    return [name for name in template.parameters if name not in SET_BY_DEPLOY]


def chosen(
    template: Template,
    own: Mapping[str, str],
    defaults: Mapping[str, str],
    said: Mapping[str, str] | None,
    standing: Collection[str],
) -> list[dict[str, Any]]:
    """As CloudFormation takes them.

    `own` is what deploy sets, `defaults` are the target's, `said` is the file's (None without one), and
    `standing` names the parameters the stack has: without a file it keeps them.
    """
    kept = [name for name in standing if name in template.parameters and name not in own]
    kept = [] if said is not None else kept
    values = {**defaults, **(said or {}), **own}
    return [
        *({"ParameterKey": name, "UsePreviousValue": True} for name in kept),
        *(
            {"ParameterKey": name, "ParameterValue": value}
            for name, value in values.items()
            if name in template.parameters and name not in kept
        ),
    ]


def _wrong(said: Mapping[str, Any], template: Template) -> Iterator[str]:
    known = settable(template)
    for name, value in said.items():
        if name in SET_BY_DEPLOY and name in template.parameters:
            yield f"{name} is set by deploy itself: take it out"
        elif name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            meant = f" Did you mean {near[0]}?" if near else ""
            yield f"{name} is no parameter.{meant} Those there are: {', '.join(sorted(known))}"
        elif problem := _misfit(value, template.parameters[name]):
            yield f"{name} = {value!r} {problem}"
    for name in known:
        if name not in said and "Default" not in template.parameters[name]:
            yield f"{name} is missing, and has no default"


def _misfit(value: Any, declared: Declared) -> str:
    """What is wrong with a value; empty where it fits."""
    if declared["Type"] == "Number":
        return _misfit_number(value, declared)
    if not isinstance(value, str | bool | int | float):
        return "is no text"
    text = _text(value)
    if "AllowedValues" in declared and text not in map(_text, declared["AllowedValues"]):
        return f"is none of {', '.join(map(_text, declared['AllowedValues']))}"
    if "AllowedPattern" in declared and not re.fullmatch(declared["AllowedPattern"], text):
        return declared.get("ConstraintDescription") or f"does not match {declared['AllowedPattern']}"
    return ""


def _misfit_number(value: Any, declared: Declared) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "is no number (write it without quotes)"
    allowed = declared.get("AllowedValues")
    if allowed and value not in map(float, allowed):
        return f"is none of {', '.join(map(str, allowed))}"
    least, most = declared.get("MinValue"), declared.get("MaxValue")
    if least is not None and value < float(least):
        return f"is less than {least}"
    if most is not None and value > float(most):
        return f"is more than {most}"
    return ""


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
