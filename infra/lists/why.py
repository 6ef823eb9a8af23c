"""`cadabra recommend CUSTOMER --why CODE`: why an item stands in a list, or why it does not."""

from collections.abc import Callable
from dataclasses import dataclass

from contracts.catalogue import unpack_codes
from contracts.lists import (
    DISCOVER,
    NOT_FOR_SALE_KEY,
    POPULAR,
    POPULAR_KEY,
    SHOWN_ENTRIES,
    Entry,
    Reason,
    catalogue_key,
    customer_key,
    from_dynamo,
    from_plain,
)
from contracts.order_line import Fate, normal_code
from infra.clients import client
from infra.lake import tables
from infra.stack import Stack

Bought = Callable[[str, str], str]  # of a customer and a code: the day of the last time; empty for never


@dataclass(frozen=True, slots=True)
class Stored:
    """What the table has on one customer's list and one item."""

    entries: tuple[Entry, ...]
    own: bool  # the customer's; otherwise it is what is popular
    unsold: frozenset[str]
    names: dict[str, str]


def _last_bought(customer: str, code: str) -> str:
    """The day of the last purchase; empty where there was none."""
    where = {"customer": customer, "stock_code": code, "fate": Fate.SALE.value}
    rows = tables.read("orders", ("time",), where)
    return f"{max(rows['time'].to_pylist()):%Y-%m-%d}" if rows is not None and rows.num_rows else ""


def explain(stack: Stack, customer: str, name: str, code: str, bought: Bought = _last_bought) -> str:
    """One sentence. `bought` tells the day on which the customer last bought an item, from the lake."""
    code = normal_code(code)
    stored = _stored(stack, customer, name, code)
    whose = (
        f"{customer}'s {name}" if stored.own else f"{customer} has no {name} of their own; what is popular"
    )
    item = f"{code} ({stored.names[code]})" if code in stored.names else code
    return f"{item}: {_because(stored, name, code, lambda: bought(customer, code))} [{whose}]"


def _because(stored: Stored, name: str, code: str, bought: Callable[[], str]) -> str:
    place = next((n for n, entry in enumerate(stored.entries, 1) if entry.code == code), 0)
    if code in stored.unsold:
        kept = f" It stands at {place} of those stored." if place else ""
        return f"not for sale, says the catalogue: it is not shown to anybody.{kept}"
    if place:
        return _standing(stored, place)
    if name == DISCOVER and (day := bought()):
        return f"bought before, on {day}: discover holds only what was never bought"
    if code not in stored.names:
        return "the catalogue does not know this code"
    return f"not ranked: {len(stored.entries)} others were thought likelier"


def _standing(stored: Stored, place: int) -> str:
    """Its place and its reason; what is not for sale before it moves it up."""
    entry = stored.entries[place - 1]
    shown = place - sum(before.code in stored.unsold for before in stored.entries[: place - 1])
    reason = Reason.parse(entry.reason).sentence(stored.names)
    if shown <= SHOWN_ENTRIES:
        return f"shown at {shown}: {reason}"
    return f"a spare, at {shown}: {reason}. The first {SHOWN_ENTRIES} are shown; n={shown} reaches it"


def _stored(stack: Stack, customer: str, name: str, code: str) -> Stored:
    entries, own = _entries(stack, customer_key(customer), name), True
    if not entries:
        entries, own = _entries(stack, POPULAR_KEY, POPULAR), False
    unsold = _item(stack, NOT_FOR_SALE_KEY).get("codes")
    reason = next((Reason.parse(entry.reason).detail for entry in entries if entry.code == code), "")
    named = {one: _item(stack, catalogue_key(one)).get("name") for one in (code, reason) if one}
    names = {one: text for one, text in named.items() if text is not None}
    return Stored(entries, own, unpack_codes(unsold) if unsold else frozenset(), names)


def _entries(stack: Stack, key: str, name: str) -> tuple[Entry, ...]:
    item = _item(stack, key)
    return from_plain(item).lists.get(name, ()) if item else ()


def _item(stack: Stack, key: str) -> dict[str, str]:
    found = client("dynamodb").get_item(TableName=stack.table, Key={"id": {"S": key}}).get("Item")
    return from_dynamo(found) if found else {}
