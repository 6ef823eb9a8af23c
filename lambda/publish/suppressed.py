"""Items of erased customers are never written: what says so is read before each part, whoever made it."""

from collections.abc import Iterable, Iterator
from typing import Any

from contracts.erasure import Suppression
from contracts.lists import customer_key, removal

_PREFIX = customer_key("")


def obeyed(suppression: Suppression, items: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The items as they are, but a removal for whoever is erased."""
    for item in items:
        name = item["id"]
        erased = name.startswith(_PREFIX) and suppression.covers(name[len(_PREFIX) :])
        yield removal(name) if erased else item
