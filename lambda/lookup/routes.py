"""What a storefront may ask, and the answers.

GET /customers/{id}/recommendations?list=for_you|discover&n=&exclude=A,B&names=true
GET /items/{code}/together?n=&exclude=&names=true
GET /health
"""

import re
import urllib.parse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from contracts.lists import (
    CUSTOMER_LISTS,
    FOR_YOU,
    POPULAR,
    SHOWN_ENTRIES,
    STORED_ENTRIES,
    TOGETHER,
    Entry,
    Reason,
    Served,
    customer_key,
    together_key,
)
from contracts.order_line import is_customer, normal_code
from contracts.s3_layout import Version
from lookup.shelf import Shelf

ROUTES = "/customers/{id}/recommendations, /items/{code}/together and /health"
MAX_EXCLUDED = 100
MAX_CODE_CHARACTERS = 64
_NUMBER = re.compile("[0-9]{1,3}")


class BadRequestError(ValueError):
    """The request is not one we know how to answer; the message says what to send instead."""


class NotFoundError(LookupError):
    """The request is right, but there is nothing under this address."""


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str]

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "Request":
        http = (event.get("requestContext") or {}).get("http") or {}
        query = event.get("queryStringParameters") or {}
        return cls(str(http.get("method", "GET")), str(event.get("rawPath") or "/"), query)

    @property
    def segments(self) -> list[str]:
        return [urllib.parse.unquote(segment) for segment in self.path.strip("/").split("/")]


def answer(shelf: Shelf, request: Request) -> dict[str, Any]:
    if request.method != "GET":
        raise BadRequestError(f"{request.method} is not served here; send GET")
    match request.segments:
        case ["health"]:
            return health(shelf)
        case ["customers", customer, "recommendations"]:
            return recommendations(shelf, customer, request.query)
        case ["items", code, "together"]:
            return together(shelf, code, request.query)
    raise NotFoundError(f"nothing at {request.path}; there are {ROUTES}")


def health(shelf: Shelf) -> dict[str, Any]:
    publication = shelf.publication()
    if publication is None or not publication.live_version:
        return {"status": "empty", "version": None, "as_of": None, "age_seconds": None}
    as_of = Version.parse(publication.live_version).as_of
    age = int((datetime.now(UTC) - as_of).total_seconds())
    return {
        "status": "ok",
        "version": publication.live_version,
        "as_of": as_of.isoformat(),
        "age_seconds": age,
    }


def recommendations(shelf: Shelf, customer: str, query: Mapping[str, str]) -> dict[str, Any]:
    if not is_customer(customer):
        raise BadRequestError("a customer id has 1 to 64 letters, digits or . _ @ : + -")
    name = query.get("list", FOR_YOU)
    if name not in CUSTOMER_LISTS:
        raise BadRequestError(f"list={name[:40]!r} is none of {', '.join(CUSTOMER_LISTS)}")
    served = shelf.served(customer_key(customer))
    own = served.lists.get(name, ()) if served else ()
    entries, source = chosen(shelf, own, query)
    body = {"customer": customer, "list": name, "source": source or "customer"}
    return body | described(shelf, entries, served if own else shelf.popular(), query)


def together(shelf: Shelf, code: str, query: Mapping[str, str]) -> dict[str, Any]:
    code = normal_code(code)
    if not code or len(code) > MAX_CODE_CHARACTERS:
        raise BadRequestError(f"an item code has 1 to {MAX_CODE_CHARACTERS} characters")
    served = shelf.served(together_key(code))
    own = served.lists.get(TOGETHER, ()) if served else ()
    entries, source = chosen(shelf, own, query, also_out=frozenset({code}))
    body = {"item": code, "list": TOGETHER, "source": source or "item"}
    return body | described(shelf, entries, served if own else shelf.popular(), query)


def chosen(
    shelf: Shelf, own: Iterable[Entry], query: Mapping[str, str], also_out: frozenset[str] = frozenset()
) -> tuple[list[Entry], str | None]:
    """The first n entries that are for sale and not excluded; popular ones fill up what is missing."""
    count = _count(query)
    out = shelf.not_for_sale() | _excluded(query) | also_out
    entries = [entry for entry in own if entry.code not in out]
    if len(entries) < count and (popular := shelf.popular()):
        known = out | {entry.code for entry in entries}
        fill = (entry for entry in popular.lists.get(POPULAR, ()) if entry.code not in known)
        source = None if entries else POPULAR
        return [*entries, *fill][:count], source
    return entries[:count], None if entries else POPULAR


def described(
    shelf: Shelf, entries: list[Entry], served: Served | None, query: Mapping[str, str]
) -> dict[str, Any]:
    """The entries with their reasons; with names=true also in words."""
    items: list[dict[str, Any]] = [{"code": entry.code, "reason": entry.reason} for entry in entries]
    if _flag(query, "names"):
        reasons = [Reason.parse(entry.reason) for entry in entries]
        names = shelf.names(
            [entry.code for entry in entries] + [reason.detail for reason in reasons if reason.detail]
        )
        for item, reason in zip(items, reasons, strict=True):
            item |= {"name": names.get(item["code"], ""), "why": reason.sentence(names)}
    version = served.version if served else None
    as_of = Version.parse(version).as_of.isoformat() if version else None
    return {"version": version, "as_of": as_of, "items": items}


def _count(query: Mapping[str, str]) -> int:
    text = query.get("n", str(SHOWN_ENTRIES))
    if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= STORED_ENTRIES:
        raise BadRequestError(f"n={text[:40]!r} is no number from 1 to {STORED_ENTRIES}")
    return int(text)


def _excluded(query: Mapping[str, str]) -> set[str]:
    codes = {normal_code(code) for code in query.get("exclude", "").split(",")} - {""}
    if len(codes) > MAX_EXCLUDED:
        raise BadRequestError(f"exclude= takes at most {MAX_EXCLUDED} codes")
    return codes


def _flag(query: Mapping[str, str], name: str) -> bool:
    text = query.get(name, "false")
    if text not in {"true", "false"}:
        raise BadRequestError(f"{name}={text[:40]!r} is neither true nor false")
    return text == "true"
