"""What a caller sent, and the two ways in which it can be wrong."""

import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class BadRequestError(ValueError):
    """The request is not one we know how to answer; the message says what to send instead."""


class NotFoundError(LookupError):
    """There is nothing under this address."""


class WrongMethodError(BadRequestError):
    """There is something under this address, but not for this method."""


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "Request":
        """A Function URL's event; whatever is not as AWS sends it counts as not sent."""
        http = _texts(_texts(event.get("requestContext")).get("http"))
        query = {str(name): str(value) for name, value in _texts(event.get("queryStringParameters")).items()}
        headers = {str(name).lower(): str(value) for name, value in _texts(event.get("headers")).items()}
        return cls(str(http.get("method") or "GET"), str(event.get("rawPath") or "/"), query, headers)

    @property
    def segments(self) -> list[str]:
        return [urllib.parse.unquote(segment) for segment in self.path.strip("/").split("/")]


def _texts(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
