"""The lists that retrain exports, publish writes and lookup reads: one DynamoDB item for each key.

Codes and reasons stand in parallel lists of short strings, so that a customer's item stays under 1 KB, one
write unit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

STORED_ENTRIES = 30  # a list as stored: ten spares for what is no longer for sale when it is read
SHOWN_ENTRIES = 20  # a list as shown

FOR_YOU = "for_you"
DISCOVER = "discover"
TOGETHER = "together"
POPULAR = "popular"
CUSTOMER_LISTS = (FOR_YOU, DISCOVER)

POPULAR_KEY = "popular"
NOT_FOR_SALE_KEY = "not-for-sale"  # the codes the shop does not sell now, compressed into one item
_WHY = "_why"


class ReasonKind(StrEnum):
    """Why an entry stands in a list; the letter is what is stored."""

    AGAIN = "a"  # with the customer's rhythm in weeks, where there is one
    BECAUSE = "b"  # with the code of what was bought
    POPULAR = "p"
    TOGETHER = "t"
    SIMILAR = "s"


@dataclass(frozen=True, slots=True)
class Reason:
    kind: ReasonKind
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind.value}{self.detail}"

    @classmethod
    def parse(cls, text: str) -> "Reason":
        return cls(ReasonKind(text[:1]), text[1:])

    def sentence(self, names: Mapping[str, str]) -> str:  # noqa: PLR0911 (one for each kind)
        """The reason in a shopper's words; `names` maps codes to what the shop calls them."""
        match self.kind:
            case ReasonKind.AGAIN if self.detail == "1":
                return "you buy this about every week"
            case ReasonKind.AGAIN if self.detail:
                return f"you buy this about every {self.detail} weeks"
            case ReasonKind.AGAIN:
                return "you bought this before"
            case ReasonKind.BECAUSE:
                return f"because you bought {names.get(self.detail) or self.detail}"
            case ReasonKind.POPULAR:
                return "popular now"
            case ReasonKind.TOGETHER:
                return "often bought together"
            case ReasonKind.SIMILAR:
                return "described alike"


@dataclass(frozen=True, slots=True)
class Entry:
    code: str
    reason: str  # str(Reason)


@dataclass(frozen=True, slots=True)
class Served:
    """What is served under one key; `version` says which retrain made it."""

    key: str
    version: str
    lists: dict[str, tuple[Entry, ...]]


def customer_key(customer: str) -> str:
    return f"customer#{customer}"


def together_key(code: str) -> str:
    return f"together#{code}"


def catalogue_key(code: str) -> str:
    return f"catalogue#{code}"


def holds_lists(key: str) -> bool:
    """Whether a key of the table is one that publications write and remove."""
    return key == POPULAR_KEY or key.startswith((customer_key(""), together_key("")))


def to_plain(served: Served) -> dict[str, Any]:
    """The form of a publication's part: one JSON object a line."""
    plain: dict[str, Any] = {"id": served.key, "version": served.version}
    for name, entries in served.lists.items():
        plain[name] = [entry.code for entry in entries]
        plain[name + _WHY] = [entry.reason for entry in entries]
    return plain


def from_plain(plain: Mapping[str, Any]) -> Served:
    lists = {
        name: tuple(Entry(*pair) for pair in zip(codes, plain[name + _WHY], strict=True))
        for name, codes in plain.items()
        if name + _WHY in plain
    }
    return Served(plain["id"], plain["version"], lists)


def removal(key: str) -> dict[str, Any]:
    """The form of a deletion in a publication's part."""
    return {"id": key}


def is_removal(plain: Mapping[str, Any]) -> bool:
    return plain.keys() == {"id"}


def to_dynamo(plain: Mapping[str, str | list[str]]) -> dict[str, Any]:
    """The DynamoDB form of texts and lists of texts."""
    return {
        name: {"S": value} if isinstance(value, str) else {"L": [{"S": text} for text in value]}
        for name, value in plain.items()
    }


def from_dynamo(item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value["S"] if "S" in value else [text["S"] for text in value["L"]]
        for name, value in item.items()
    }
