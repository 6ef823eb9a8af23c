"""infra/template.yaml read as data: parameters, conditions and resources, in CloudFormation's long form."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

try:
    from yaml import CSafeLoader as SafeLoader  # seven times faster
except ImportError:  # PyYAML was built without libyaml
    from yaml import SafeLoader  # type: ignore[assignment] # it reads the same

PATH = Path(__file__).resolve().parents[1] / "template.yaml"


@dataclass(frozen=True)
class Template:
    text: str
    parameters: dict[str, dict[str, Any]]
    conditions: dict[str, Any]
    resources: dict[str, dict[str, Any]]

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of each resource of one type, by logical id."""
        found = self.resources.items()
        return {name: made.get("Properties", {}) for name, made in found if made["Type"] == kind}

    @property
    def types(self) -> set[str]:
        return {made["Type"] for made in self.resources.values()}


def parse(text: str) -> Template:
    plain = yaml.load(text, _Loader)  # noqa: S506 (it is a SafeLoader)
    return Template(text, plain.get("Parameters", {}), plain.get("Conditions", {}), plain["Resources"])


def read() -> Template:
    return parse(PATH.read_text())


class _Loader(SafeLoader):
    """Reads `!Ref x` as {"Ref": "x"}, and every other short tag as its Fn:: form."""


def _long_form(loader: _Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type] # the third kind of node
    if tag == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {tag if tag in {"Ref", "Condition"} else f"Fn::{tag}": value}


_Loader.add_multi_constructor("!", _long_form)
