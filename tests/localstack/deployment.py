"""What `cadabra --target localstack up` deploys, without what LocalStack makes only in Docker."""

import json
import re
from contextlib import suppress
from typing import Any

import boto3
import pytest
import yaml

from infra import target
from infra.deployment import account, deploy, resources, template
from infra.deployment.references import Place, References
from infra.deployment.template import Template
from infra.stack import DEFAULT_NAME, Stack

WANT_DOCKER = ("AWS::DynamoDB::", "AWS::Lambda::")
_IN_SUB = re.compile(r"\$\{(\w+)(\.\w+)?\}")


def deployed(say) -> Stack:
    """By the product's own deploy; the table stands beside LocalStack."""
    there = target.localstack()
    whole, place = template.read(), account.enter(there)
    _make_table(resources.by_name(DEFAULT_NAME, whole, place))
    reduced = _without_docker(whole, place)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(template, "read", lambda: reduced)
        return deploy.deploy(there, say)


def functions_environment() -> dict[str, str]:
    """What the template gives its functions, all together; they find AWS as this process does."""
    whole, place = template.read(), resources.place()
    known = _known_by_name(whole, place)
    given = [
        known.resolve(made["Environment"]["Variables"])
        for made in whole.of_type("AWS::Lambda::Function").values()
    ]
    return {name: str(value) for each in given for name, value in each.items() if not name.startswith("AWS_")}


def _known_by_name(whole: Template, place: Place) -> References:
    named = {each.name: each.id for each in resources.by_name(DEFAULT_NAME, whole, place)}
    return References(whole, DEFAULT_NAME, place, resources.parameters(DEFAULT_NAME), named)


def _make_table(named: list[resources.Resource]) -> None:
    (table,) = (each for each in named if each.type == "AWS::DynamoDB::Table")
    dynamodb = boto3.client("dynamodb")
    keys = {name: table.get(name) for name in ("AttributeDefinitions", "KeySchema", "BillingMode")}
    with suppress(dynamodb.exceptions.ResourceInUseException):
        dynamodb.create_table(TableName=table.id, **keys)


def _without_docker(whole: Template, place: Place) -> Template:
    """What refers to a resource that is gone gets its name or ARN instead."""
    gone = {name for name, made in whole.resources.items() if made["Type"].startswith(WANT_DOCKER)}
    references = _known_by_name(whole, place)
    plain = yaml.load(whole.text, template._Loader)  # noqa: S506 (it is a SafeLoader)
    plain["Resources"] = {name: made for name, made in plain["Resources"].items() if name not in gone}
    return template.parse(json.dumps(_replaced(plain, gone, references)))


def _replaced(value: Any, gone: set[str], references: References) -> Any:
    if isinstance(value, list):
        return [_replaced(each, gone, references) for each in value]
    if not isinstance(value, dict):
        return value
    if value.get("Ref") in gone or value.get("Fn::GetAtt", [""])[0] in gone:
        return _known(value, references)
    kept = {key: _replaced(each, gone, references) for key, each in value.items()}
    if text := kept.get("Fn::Sub"):
        first, *more = [text] if isinstance(text, str) else text
        told = _IN_SUB.sub(lambda found: _in_sub(found, gone, references), first)
        kept["Fn::Sub"] = [told, *more] if more else told
    return kept


def _in_sub(found: re.Match[str], gone: set[str], references: References) -> str:
    name, attribute = found.groups()
    if name not in gone:
        return found[0]
    return str(_known({"Fn::GetAtt": [name, attribute[1:]]} if attribute else {"Ref": name}, references))


def _known(reference: dict[str, Any], references: References) -> Any:
    """A Function URL is made up by Docker's side: here it leads nowhere."""
    if reference.get("Fn::GetAtt", ["", ""])[1] == "FunctionUrl":
        return "https://lookup.invalid/"
    return references.resolve(reference)
