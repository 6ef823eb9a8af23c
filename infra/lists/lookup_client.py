"""A shop's client of the lookup, in one file to copy into the shop: it needs botocore, with its urllib3.

    lookup = Lookup("https://abc.lambda-url.eu-west-1.on.aws")  # the stack's output LookupUrl
    codes = [item["code"] for item in lookup.recommendations("17850", exclude=basket)["items"]]

Requests are signed with the credentials botocore finds; answers are dictionaries as openapi.json words them.
`cadabra recommend` uses it too.
"""

import contextlib
import json
import random
import time
import urllib.parse
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import botocore.session
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

TIMEOUT_S = 1.0  # of one try: a page waits no longer
TRIES = 3
PAUSE_S = 0.05  # before the second try; twice as long before each one after
POPULAR_FRESH_S = 600.0  # how old what is kept for bad times may grow
POPULAR_AGAIN_S = 30.0  # until it is asked for again, where it was not to be had
_MOST = 30  # entries of a list
_OK, _TOO_MANY, _SERVER = 200, 429, 500  # HTTP's own numbers

Answer = dict[str, Any]


class LookupFailedError(Exception):
    """The lookup gave no list."""


class LookupRefusedError(LookupFailedError):
    """The request is wrong, or may not be made: trying again does not help. The message says what."""


class LookupUnreachableError(LookupFailedError):
    """No answer within all tries, and nothing popular in memory to show instead."""


@dataclass
class Lookup:
    """Asks the lookup at `url`. One for a whole process: connections are kept, threads may share it."""

    url: str
    timeout_s: float = TIMEOUT_S
    tries: int = TRIES
    session: Any = field(default_factory=botocore.session.get_session)
    pause: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    _pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(maxsize=16, retries=False))
    _popular: Answer | None = None
    _popular_due: float = float("-inf")  # of the clock

    def recommendations(self, customer: str, *, list: str = "for_you", **wish: Any) -> Answer:  # noqa: A002 (the parameter's name)
        """One customer's list; what is popular for an unknown one, and while the lookup is out of reach."""
        path = f"/customers/{urllib.parse.quote(customer, safe='')}/recommendations"
        return self._or_popular(path, {"customer": customer, "list": list}, wish)

    def together(self, item: str, **wish: Any) -> Answer:
        """What is bought together with an item."""
        path = f"/items/{urllib.parse.quote(item, safe='')}/together"
        return self._or_popular(path, {"item": item, "list": "together"}, wish)

    def batch(self, customers: Iterable[str], *, list: str = "for_you", **wish: Any) -> Answer:  # noqa: A002 (the parameter's name)
        """The lists of up to a hundred customers, under `answers`."""
        return self.get("/recommendations", customers=customers, list=list, **wish)

    def popular(self, **wish: Any) -> Answer:
        return self.get("/popular", **wish)

    def health(self) -> Answer:
        """Which version is live, and its age in seconds."""
        return self.get("/health")

    def get(self, path: str, **query: Any) -> Answer:
        """Any route. Raises LookupRefusedError and LookupUnreachableError."""
        url = self.url.rstrip("/") + path
        if texts := {name: _text(value) for name, value in query.items()}:
            url += "?" + urllib.parse.urlencode(texts, quote_via=urllib.parse.quote)
        said = "nothing"
        for attempt in range(self.tries):
            if attempt:
                self.pause(PAUSE_S * 2 ** (attempt - 1) * random.uniform(0.5, 1.0))
            try:
                answer = self._pool.request("GET", url, headers=self._signed(url), timeout=self.timeout_s)
            except urllib3.exceptions.HTTPError as error:
                said = str(error)
                continue
            if answer.status != _TOO_MANY and answer.status < _SERVER:
                return _read(answer)
            said = f"status {answer.status}"
        raise LookupUnreachableError(f"the lookup at {self.url} does not answer ({self.tries} tries): {said}")

    def _or_popular(self, path: str, about: Answer, wish: dict[str, Any]) -> Answer:
        try:
            answer = self.get(path, **({"list": about["list"]} if "customer" in about else {}), **wish)
        except LookupUnreachableError:
            if self._popular is None:
                raise
            return {**self._popular, **about, "items": _fitting(self._popular["items"], **wish)}
        self._remember_popular()
        return answer

    def _remember_popular(self) -> None:
        """For bad times; now and then, after an answer that came in time."""
        now = self.clock()
        if now < self._popular_due:
            return
        self._popular_due = now + POPULAR_AGAIN_S  # also for the other threads
        with contextlib.suppress(LookupFailedError):  # the answer itself is there
            self._popular = self.popular(n=_MOST, names=True, reasons=True)
            self._popular_due = now + POPULAR_FRESH_S

    def _signed(self, url: str) -> dict[str, str]:
        host = urllib.parse.urlsplit(url).netloc.split(".")
        region = host[2] if "lambda-url" in host else self.session.get_config_variable("region")
        credentials = self.session.get_credentials()
        if not credentials or not region:
            raise LookupRefusedError(
                "no AWS credentials or no region to sign with: set them as for any AWS SDK"
            )
        request = AWSRequest("GET", url)
        SigV4Auth(credentials, "lambda", region).add_auth(request)
        return dict(request.headers)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else ",".join(value) if isinstance(value, Iterable) else str(value)


def _read(answer: urllib3.BaseHTTPResponse) -> Answer:
    try:
        body: Answer = json.loads(answer.data)
    except ValueError:
        body = {"error": answer.data[:200].decode(errors="replace")}
    if answer.status != _OK:
        said = body.get("error") or body.get("Message") or body
        raise LookupRefusedError(f"the lookup answers {answer.status}: {said}")
    return body


def _fitting(
    items: list[Answer],
    n: int = 20,
    exclude: Iterable[str] = (),
    *,
    names: bool = False,
    reasons: bool = False,
) -> list[Answer]:
    """Kept items as the lookup itself would answer the wish."""
    told = {"code"} | ({"name"} if names else set()) | ({"reason", "why"} if reasons else set())
    shown = [item for item in items if item["code"] not in set(exclude)][:n]
    return [{name: value for name, value in item.items() if name in told} for item in shown]
