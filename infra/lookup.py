"""The storefront's side of the lookup: a signed GET with a time-out. `cadabra recommend` uses it."""

import json
import os
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from infra.problem import ProblemError

TIMEOUT_S = 5.0


class LookupRefusedError(ProblemError):
    """The lookup answered, but not with a list."""


@dataclass(frozen=True)
class Lookup:
    """Asks the lookup at `base` (without a slash at its end) with the credentials of the environment."""

    base: str

    @classmethod
    def at(cls, function_url: str) -> "Lookup":
        """The address of a Function URL; an emulator serves it under its own address."""
        emulator = os.environ.get("AWS_ENDPOINT_URL")
        host = urllib.parse.urlsplit(function_url).netloc
        return cls(f"{emulator}/_aws/lambda-url/{host.partition('.')[0]}" if emulator else f"https://{host}")

    def get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        url = f"{self.base}{path}" + (f"?{urllib.parse.urlencode(query)}" if query else "")
        try:
            answer = urllib3.request("GET", url, headers=self._signed(url), timeout=TIMEOUT_S, retries=2)
        except urllib3.exceptions.HTTPError as error:
            raise ProblemError(f"the lookup at {self.base} does not answer: {error}") from error
        body: dict[str, Any] = json.loads(answer.data or b"{}")
        if answer.status != 200:  # noqa: PLR2004 (HTTP's own number)
            said = body.get("error") or body.get("Message") or body
            raise LookupRefusedError(f"the lookup answers {answer.status}: {said}")
        return body

    def recommendations(self, customer: str, **query: str) -> dict[str, Any]:
        return self.get(f"/customers/{urllib.parse.quote(customer, safe='')}/recommendations", query)

    def _signed(self, url: str) -> dict[str, str]:
        session = boto3.session.Session()
        request = AWSRequest("GET", url)
        SigV4Auth(session.get_credentials(), "lambda", session.region_name).add_auth(request)
        return dict(request.headers)
