"""What a request may say: each parameter's name, its JSON schema for openapi.json, and how it is read."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from contracts.lists import CUSTOMER_LISTS, FOR_YOU, SHOWN_ENTRIES, STORED_ENTRIES
from contracts.order_line import is_customer, normal_code
from lookup.request import BadRequestError

MAX_EXCLUDED = 100
MAX_CUSTOMERS = 100  # BatchGetItem's limit
CUSTOMER_PATTERN = "^[A-Za-z0-9][A-Za-z0-9._@:+-]{0,63}$"  # a test holds it equal to contracts.order_line's
CODE_PATTERN = "^[A-Za-z0-9]{1,64}$"
_NUMBER = re.compile("[0-9]{1,3}")
_CODE = re.compile(CODE_PATTERN)
SAID = 40  # characters of a wrong value that the answer repeats


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    about: str
    schema: dict[str, Any]
    read: Callable[[str], Any]  # raises BadRequestError
    default: Any = None
    in_path: bool = False
    required: bool = False


def _customer(text: str) -> str:
    if not is_customer(text):
        raise BadRequestError("a customer id has 1 to 64 letters, digits or . _ @ : + -")
    return text


def _customers(text: str) -> tuple[str, ...]:
    names = text.split(",")
    if len(names) > MAX_CUSTOMERS:
        raise BadRequestError(f"customers= takes at most {MAX_CUSTOMERS} customer ids")
    return tuple(dict.fromkeys(map(_customer, names)))


def _item(text: str) -> str:
    if not _CODE.fullmatch(text):
        raise BadRequestError("an item code has 1 to 64 letters or digits")
    return normal_code(text)


def _list(text: str) -> str:
    if text not in CUSTOMER_LISTS:
        raise BadRequestError(f"list={text[:SAID]!r} is none of {', '.join(CUSTOMER_LISTS)}")
    return text


def _count(text: str) -> int:
    if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= STORED_ENTRIES:
        raise BadRequestError(f"n={text[:SAID]!r} is no number from 1 to {STORED_ENTRIES}")
    return int(text)


def _excluded(text: str) -> frozenset[str]:
    codes = text.split(",")
    if len(codes) > MAX_EXCLUDED:
        raise BadRequestError(f"exclude= takes at most {MAX_EXCLUDED} codes")
    return frozenset(map(normal_code, codes)) - {""}


def _flag(name: str) -> Callable[[str], bool]:
    def read(text: str) -> bool:
        if text not in {"true", "false"}:
            raise BadRequestError(f"{name}={text[:SAID]!r} is neither true nor false")
        return text == "true"

    return read


def _texts(pattern: str | None, most: int, least: int = 0) -> dict[str, Any]:
    items = {"type": "string", "pattern": pattern} if pattern else {"type": "string"}
    return {"type": "array", "items": items, "minItems": least, "maxItems": most}


CUSTOMER = Parameter(
    "customer",
    "the customer's id, as the order lines have it",
    {"type": "string", "pattern": CUSTOMER_PATTERN},
    _customer,
    in_path=True,
    required=True,
)
ITEM = Parameter(
    "item",
    "the item's code, as the catalogue has it",
    {"type": "string", "pattern": CODE_PATTERN},
    _item,
    in_path=True,
    required=True,
)
CUSTOMERS = Parameter(
    "customers",
    f"up to {MAX_CUSTOMERS} customer ids, with commas between them",
    _texts(CUSTOMER_PATTERN, MAX_CUSTOMERS, 1),
    _customers,
    required=True,
)
LIST = Parameter(
    "list",
    "for_you: anything; discover: only what the customer never bought",
    {"type": "string", "enum": list(CUSTOMER_LISTS), "default": FOR_YOU},
    _list,
    FOR_YOU,
)
COUNT = Parameter(
    "n",
    "how many items",
    {"type": "integer", "minimum": 1, "maximum": STORED_ENTRIES, "default": SHOWN_ENTRIES},
    _count,
    SHOWN_ENTRIES,
)
EXCLUDE = Parameter(
    "exclude",
    "codes to leave out, such as what lies in the basket, with commas between them",
    _texts(None, MAX_EXCLUDED),
    _excluded,
    frozenset(),
)
NAMES = Parameter(
    "names",
    "each item's name from the catalogue too",
    {"type": "boolean", "default": False},
    _flag("names"),
    default=False,
)
REASONS = Parameter(
    "reasons",
    "why each item stands in the list too, as data and in words",
    {"type": "boolean", "default": False},
    _flag("reasons"),
    default=False,
)
