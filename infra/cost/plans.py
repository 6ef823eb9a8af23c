"""What is to be billed: the template with its parameters' values, the cluster of a run, the shop's size."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.cost import prices
from infra.cost.fleet import Instances
from infra.cost.prices import Price
from infra.cost.volumes import Shop
from infra.deployment.references import Place, References
from infra.deployment.template import Template


@dataclass(frozen=True)
class Line:
    type: str
    what: str
    amount: float
    price: Price

    @property
    def dollars(self) -> float:
        return self.amount * self.price.dollars


Lines = Iterator[Line]


@dataclass(frozen=True)
class Plans:
    template: Template
    values: References
    fleet: list[Instances]
    shop: Shop

    def all(self, kind: str) -> list[dict[str, Any]]:
        """The properties of each resource of a type that these parameters make."""
        return [
            made.get("Properties", {})
            for made in self.template.resources.values()
            if made["Type"] == kind and ("Condition" not in made or self.values.holds(made["Condition"]))
        ]

    def get(self, properties: Mapping[str, Any], *path: str) -> Any:
        """A resolved property; None where there is none."""
        found: Any = properties
        for name in path:
            found = found.get(name) if isinstance(found, Mapping) else None
        return None if found is None else self.values.resolve(found)


def plans(template: Template, said: Mapping[str, str], fleet: list[Instances], shop: Shop) -> Plans:
    """`said` are the parameters that differ from their defaults."""
    defaults = {name: str(made.get("Default", "")) for name, made in template.parameters.items()}
    values = References(template, "cadabra", Place("", prices.REGION), defaults | dict(said), {})
    return Plans(template, values, fleet, shop)
