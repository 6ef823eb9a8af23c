"""The lookup's OpenAPI document, made from its table of routes: `python -m lookup.openapi` prints it.

openapi.json beside this file is what it printed; a test holds the two equal.
"""

import json
import sys
from pathlib import Path
from typing import Any

from contracts.lists import CUSTOMER_LISTS, POPULAR, TOGETHER, ReasonKind
from lookup.answers import CUSTOMERS_OWN, ITEMS_OWN
from lookup.parameters import MAX_CUSTOMERS, Parameter
from lookup.routes import METHOD, ROUTES, Route

DOCUMENT = Path(__file__).with_name("openapi.json")
_TEXT: dict[str, Any] = {"type": "string"}
_TEXT_OR_NULL: dict[str, Any] = {"type": ["string", "null"]}
_TIME_OR_NULL: dict[str, Any] = {"type": ["string", "null"], "format": "date-time"}


def document() -> dict[str, Any]:
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Cadabra lookup",
            "version": "1",
            "description": "One customer's list, an item's company, what is popular. Requests are signed "
            "(AWS Signature Version 4, service `lambda`); docs/serving.md has a client.",
        },
        "paths": {route.path: {METHOD.lower(): _operation(route)} for route in ROUTES},
        "components": {
            "schemas": _SCHEMAS,
            "securitySchemes": {"iam": {"type": "apiKey", "in": "header", "name": "Authorization"}},
        },
        "security": [{"iam": []}],
    }


def _operation(route: Route) -> dict[str, Any]:
    answers = {
        "200": _answer(route.about, route.schema),
        "304": {"description": "The caller has it already: its If-None-Match named this answer"},
        "400": _answer("A parameter is wrong; the message says what to send instead", "Error"),
        "403": _answer(
            "The request is not signed, or by somebody who may not ask: AWS's own answer", "Refusal"
        ),
        "404": _answer("There is nothing under this address", "Error"),
        "503": _answer("The lists cannot be read now; try again", "Error"),
    }
    return {
        "operationId": route.name,
        "summary": route.about,
        "parameters": [_parameter(one) for one in route.parameters] + [_IF_NONE_MATCH],
        "responses": answers,
    }


def _parameter(one: Parameter) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": one.name,
        "in": "path" if one.in_path else "query",
        "description": one.about,
        "required": one.required,
        "schema": one.schema,
    }
    if one.schema["type"] == "array":
        told |= {"style": "form", "explode": False}
    return told


def _answer(about: str, schema: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    headers = (
        {}
        if schema in {"Error", "Refusal"}
        else {"ETag": {"schema": _TEXT}, "Cache-Control": {"schema": _TEXT}}
    )
    return {"description": about, "headers": headers, "content": content}


def _object(required: tuple[str, ...], **properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "description": "the ETag of an answer the caller has",
    "required": False,
    "schema": _TEXT,
}
_SCHEMAS: dict[str, Any] = {
    "Answer": _object(
        ("list", "source", "version", "as_of", "list_version", "items"),
        customer={**_TEXT, "description": "whose list it is, where it is a customer's"},
        item={**_TEXT, "description": "what it goes with, where it is an item's"},
        list={"type": "string", "enum": [*CUSTOMER_LISTS, TOGETHER, POPULAR]},
        source={
            "type": "string",
            "enum": [CUSTOMERS_OWN, ITEMS_OWN, POPULAR],
            "description": "popular: nothing of their own is stored, this is what such a visitor is shown",
        },
        version={**_TEXT_OR_NULL, "description": "the version that is live; null before the first"},
        as_of={**_TIME_OR_NULL, "description": "it knows of the orders before"},
        list_version={**_TEXT_OR_NULL, "description": "the version that changed this list last"},
        items={"type": "array", "items": {"$ref": "#/components/schemas/Item"}},
    ),
    "Answers": _object(
        ("answers",),
        answers={
            "type": "array",
            "items": {"$ref": "#/components/schemas/Answer"},
            "maxItems": MAX_CUSTOMERS,
        },
    ),
    "Item": _object(
        ("code",),
        code=_TEXT,
        name={**_TEXT, "description": "with names=true; empty where the catalogue does not have the item"},
        reason={"$ref": "#/components/schemas/Reason"},
        why={**_TEXT, "description": "with reasons=true: the reason in words"},
    ),
    "Reason": _object(
        ("kind", "detail"),
        kind={"type": "string", "enum": [kind.name.lower() for kind in ReasonKind]},
        detail={**_TEXT, "description": "because: the code of what was bought; again: every so many weeks"},
    ),
    "Health": _object(
        ("status", "version", "as_of", "age_seconds"),
        status={"type": "string", "enum": ["ok", "empty"]},
        version=_TEXT_OR_NULL,
        as_of=_TIME_OR_NULL,
        age_seconds={"type": ["integer", "null"]},
    ),
    "Error": _object(("error",), error=_TEXT),
    "Refusal": _object(("Message",), Message=_TEXT),
}


def main() -> int:
    json.dump(document(), sys.stdout, indent=2)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
