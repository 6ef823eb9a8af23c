"""The answer to each route: entries chosen from what is stored, and how they are told."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from contracts.lists import (
    DISCOVER,
    FOR_YOU,
    POPULAR,
    TOGETHER,
    Entry,
    Reason,
    ReasonKind,
    Served,
    customer_key,
    together_key,
)
from contracts.s3_layout import Version
from lookup.shelf import Shelf, UnavailableError

CUSTOMERS_OWN, ITEMS_OWN = "customer", "item"  # the answer's source, where it is not popular


@dataclass(frozen=True, slots=True)
class Wish:
    """How many items, which not, and what to tell of each."""

    n: int
    exclude: frozenset[str]
    names: bool
    reasons: bool


def health(shelf: Shelf) -> dict[str, Any]:
    version = shelf.common().live_version
    age = int((datetime.now(UTC) - Version.parse(version).as_of).total_seconds()) if version else None
    return {"status": "ok" if version else "empty", **_live(version), "age_seconds": age}


def recommendations(shelf: Shelf, customer: str, list: str, **wish: Any) -> dict[str, Any]:  # noqa: A002 (the parameter's name)
    key = customer_key(customer)
    return _customers(shelf, customer, list, _served(shelf, [key]).get(key), Wish(**wish))


def batch(shelf: Shelf, customers: tuple[str, ...], list: str, **wish: Any) -> dict[str, Any]:  # noqa: A002 (the parameter's name)
    served = _served(shelf, map(customer_key, customers))
    answers = [
        _customers(shelf, customer, list, served.get(customer_key(customer)), Wish(**wish))
        for customer in customers
    ]
    return {"answers": answers}


def together(shelf: Shelf, item: str, **wish: Any) -> dict[str, Any]:
    key = together_key(item)
    served = _served(shelf, [key]).get(key)
    told = _told(shelf, served, TOGETHER, ITEMS_OWN, Wish(**wish), {item})
    return {"item": item, "list": TOGETHER, **told}


def popular(shelf: Shelf, **wish: Any) -> dict[str, Any]:
    return {"list": POPULAR, **_told(shelf, None, POPULAR, POPULAR, Wish(**wish))}


def _live(version: str) -> dict[str, str | None]:
    """The version that is live; none before the first, though its lists may be there already."""
    as_of = Version.parse(version).as_of.isoformat() if version else None
    return {"version": version or None, "as_of": as_of}


def _served(shelf: Shelf, keys: Iterable[str]) -> dict[str, Served]:
    """What is stored; nothing while the table cannot be read, so that popular is shown."""
    try:
        return shelf.served(keys)
    except UnavailableError:
        if shelf.common().popular is None:
            raise
        return {}


def _customers(shelf: Shelf, customer: str, name: str, served: Served | None, wish: Wish) -> dict[str, Any]:
    out = _bought(served) if name == DISCOVER else set()
    return {"customer": customer, "list": name, **_told(shelf, served, name, CUSTOMERS_OWN, wish, out)}


def _bought(served: Served | None) -> set[str]:
    """What the customer is known to have bought: popular items shall not fill discover up with it."""
    entries = served.lists.get(FOR_YOU, ()) if served else ()
    return {entry.code for entry in entries if Reason.parse(entry.reason).kind == ReasonKind.AGAIN}


def _told(
    shelf: Shelf,
    served: Served | None,
    name: str,
    source: str,
    wish: Wish,
    also_out: Iterable[str] = (),
) -> dict[str, Any]:
    """The first n entries that may be shown, filled up from popular; the source says if all of them are."""
    common = shelf.common()
    out = common.unsold | wish.exclude | set(also_out)
    own = [entry for entry in (served.lists.get(name, ()) if served else ()) if entry.code not in out]
    known = out | {entry.code for entry in own}
    popular = common.popular.lists.get(POPULAR, ()) if common.popular else ()
    fill = [entry for entry in popular if entry.code not in known]
    told = served if own else common.popular
    return {
        "source": source if own else POPULAR,
        **_live(common.live_version),
        "list_version": told.version if told else None,
        "items": _items(shelf, [*own, *fill][: wish.n], wish),
    }


def _items(shelf: Shelf, entries: list[Entry], wish: Wish) -> list[dict[str, Any]]:
    reasons = [Reason.parse(entry.reason) for entry in entries] if wish.reasons else []
    asked = {entry.code for entry in entries} if wish.names else set()
    names = shelf.names(asked | {reason.detail for reason in reasons if reason.kind == ReasonKind.BECAUSE})
    items: list[dict[str, Any]] = [{"code": entry.code} for entry in entries]
    if wish.names:
        for item in items:
            item["name"] = names.get(item["code"], "")
    for item, reason in zip(items, reasons, strict=False):  # there are none where nobody asked
        item["reason"] = {"kind": reason.kind.name.lower(), "detail": reason.detail}
        item["why"] = reason.sentence(names)
    return items
