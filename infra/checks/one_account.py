"""The template as it would stand in one account, with names and ARNs worked out: what linters can read."""

from typing import Any

from infra.deployment.references import Place, References
from infra.deployment.resources import NAMED_BY
from infra.deployment.template import Template

STACK = "shop"
PLACE = Place("123456789012", "eu-west-1")
# Types whose id is their ARN.
_ARN_IS_ID = {
    "AWS::IAM::ManagedPolicy": "arn:aws:iam::123456789012:policy/{}",
    "AWS::SNS::Topic": "arn:aws:sns:eu-west-1:123456789012:{}",
}


def references(template: Template, **parameters: str) -> References:
    """Parameters that are not given have their defaults; one without is called after itself."""
    values = {name: str(one.get("Default", name.lower())) for name, one in template.parameters.items()}
    nameless = References(template, STACK, PLACE, values | parameters, {})
    ids = {name: _id(name, one, nameless) for name, one in template.resources.items()}
    return References(template, STACK, PLACE, values | parameters, ids)


def resources(template: Template, **parameters: str) -> dict[str, dict[str, Any]]:
    """What is made, by its logical id, with every reference resolved."""
    known = references(template, **parameters)
    return {
        name: known.resolve(one)
        for name, one in template.resources.items()
        if "Condition" not in one or known.holds(one["Condition"])
    }


def _id(name: str, resource: dict[str, Any], known: References) -> str:
    named = resource.get("Properties", {}).get(NAMED_BY.get(resource["Type"], ""), name)
    return _ARN_IS_ID.get(resource["Type"], "{}").format(known.resolve(named))
