"""A way to the local AWS on which things go wrong: ingest's fault tests put it between their runs and AWS."""

import http.client
import json
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

_NOT_FORWARDED = {"connection", "expect", "transfer-encoding", "content-length"}


@dataclass(frozen=True)
class Request:
    service: str  # as the signature names it: s3, glue, dynamodb
    operation: str  # UpdateTable; S3's is the method
    path: str
    body: bytes

    @property
    def table(self) -> str:
        """The Glue table that the request is about."""
        return str(json.loads(self.body).get("TableInput", {}).get("Name", ""))


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes


Forward = Callable[[], Answer]
# What becomes of a request: an answer, AWS's own (`forward`) or another; None cuts the connection.
Weather = Callable[[Request, Forward], Answer | None]


def fair(_: Request, forward: Forward) -> Answer | None:
    return forward()


@dataclass
class Way:
    """From `url` to the local AWS."""

    endpoint: str
    weather: Weather = fair
    url: str = ""

    def clear_up(self) -> None:
        self.weather = fair

    @staticmethod
    def refuse(request: Request, status: int, code: str) -> Answer:
        """AWS's own form of an error."""
        if request.service == "s3":
            body = f"<Error><Code>{code}</Code><Message>by the test</Message></Error>"
            return Answer(status, [("Content-Type", "application/xml")], body.encode())
        body = json.dumps({"__type": code, "message": "by the test"})
        return Answer(status, [("Content-Type", "application/x-amz-json-1.1")], body.encode())

    def forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        connection = http.client.HTTPConnection(urlsplit(self.endpoint).netloc)
        try:
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.getheaders(), answer.read())
        finally:
            connection.close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    way: Way

    def log_message(self, *_: Any) -> None:
        """The tests say what is worth saying."""

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:  # whoever asked was killed
            self.close_connection = True

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = Request(_service(self.headers), self._operation(), self.path, body)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _NOT_FORWARDED}
        answer = self.way.weather(
            request,
            lambda: self.way.forward(self.command, self.path, headers | _length(self.command, body), body),
        )
        if answer is None:
            self.close_connection = True
            return
        self._answer(answer)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass  # noqa: N815 (the server's own names)

    def _operation(self) -> str:
        return self.headers.get("X-Amz-Target", self.command).rpartition(".")[2]

    def _answer(self, answer: Answer) -> None:
        self.send_response(answer.status)
        headers = {name.lower(): value for name, value in answer.headers}
        body = b"" if self.command == "HEAD" else answer.body
        length = headers.get("content-length", "0") if self.command == "HEAD" else str(len(body))
        for name, value in answer.headers:
            if name.lower() not in _NOT_FORWARDED:
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(body)


def _length(method: str, body: bytes) -> dict[str, str]:
    return {"Content-Length": str(len(body))} if method in {"PUT", "POST"} else {}


def _service(headers: Any) -> str:
    """The signature's scope: Credential=key/day/region/service/aws4_request."""
    scope = headers.get("Authorization", "").partition("Credential=")[2].partition(",")[0]
    return (scope.split("/") + [""] * 4)[3]
