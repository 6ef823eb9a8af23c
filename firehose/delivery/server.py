"""The HTTP endpoint: JSON 1.1 as boto3 speaks it, health, and the fault switch."""

import json
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from firehose.delivery import protocol
from firehose.delivery.faults import Fault, Faults, FaultsError, Rates
from firehose.delivery.protocol import (
    FirehoseError,
    InternalFailure,
    InvalidArgumentException,
    SerializationException,
    ServiceUnavailableException,
    UnknownOperationException,
    ValidationException,
)
from firehose.delivery.spool import SpoolFullError
from firehose.delivery.streams import Streams

HEALTH_PATH = "/_delivery/health"
FAULTS_PATH = "/_delivery/faults"
TARGET = "Firehose_20150804."
MAX_BODY_BYTES = 16 * 1024 * 1024  # AWS answers an oversized request with an error, not with memory
SLOW_DOWN = "Slow down."
_FAILED = {"ErrorCode": "ServiceUnavailableException", "ErrorMessage": SLOW_DOWN}


class NoAnswerError(Exception):
    """The connection is to be dropped without an answer."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The operations by their names on the wire."""

    streams: Streams
    faults: Faults

    def answer(self, target: str, body: bytes) -> dict[str, Any]:
        operations: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "PutRecordBatch": self._put_many,
            "PutRecord": self._put_one,
            "CreateDeliveryStream": self.streams.create,
            "DescribeDeliveryStream": self.streams.describe,
            "ListDeliveryStreams": self.streams.names,
            "UpdateDestination": self.streams.update,
            "DeleteDeliveryStream": self.streams.delete,
        }
        operation = operations.get(target.removeprefix(TARGET))
        if operation is None or not target.startswith(TARGET):
            raise UnknownOperationException(f"{target or 'no X-Amz-Target'} is not an operation here")
        try:
            request = json.loads(body or b"{}")
        except ValueError as error:
            raise SerializationException(f"the body is not JSON: {error}") from error
        if not isinstance(request, dict):
            raise SerializationException("the body is not a JSON object")
        return operation(request)

    def _put_one(self, request: Mapping[str, Any]) -> dict[str, Any]:
        name, records = protocol.stream_name(request), protocol.one_record(request)
        if self.faults.failed_records(records):
            raise ServiceUnavailableException(SLOW_DOWN)
        self._put(name, records)
        return {"RecordId": _record_id(), "Encrypted": False}

    def _put_many(self, request: Mapping[str, Any]) -> dict[str, Any]:
        name, records = protocol.stream_name(request), protocol.many_records(request)
        failed = self.faults.failed_records(records)
        taken = [record for place, record in enumerate(records) if place not in failed]
        self._put(name, taken)
        return {
            "FailedPutCount": len(failed),
            "Encrypted": False,
            "RequestResponses": [
                _FAILED if place in failed else {"RecordId": _record_id()} for place in range(len(records))
            ],
        }

    def _put(self, name: str, records: list[bytes]) -> None:
        fault = self.faults.for_put()
        if fault is Fault.THROTTLE:
            raise ServiceUnavailableException(SLOW_DOWN)
        if fault is Fault.ERROR:
            raise InternalFailure("a fault was asked for")
        if self.faults.refuses(records):
            raise InvalidArgumentException("a fault was asked for")
        if fault is not Fault.TIMEOUT_BEFORE and records:
            try:
                self.streams.put(name, records)
            except SpoolFullError as error:
                raise ServiceUnavailableException(f"{SLOW_DOWN} {error}") from error
        if fault in (Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER):
            time.sleep(self.faults.rates.hang_seconds)
            raise NoAnswerError


def _record_id() -> str:
    return uuid.uuid4().hex


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # an answer leaves in one piece
    server: "Server"

    def do_POST(self) -> None:
        body = self._body()
        if body is None:
            return
        try:
            answer = self.server.endpoint.answer(self.headers.get("X-Amz-Target", ""), body)
        except NoAnswerError:
            self.close_connection = True
        except FirehoseError as error:
            self._send(error.status, {"__type": error.code, "message": str(error)}, error.code)
        except Exception as error:  # noqa: BLE001 (one request's trouble must not end the others')
            print(f"firehose.delivery: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            self._send(500, {"__type": "InternalFailure", "message": str(error)}, "InternalFailure")
        else:
            self._send(HTTPStatus.OK, answer)

    def do_GET(self) -> None:
        endpoint = self.server.endpoint
        if self.path == HEALTH_PATH:
            now = time.time()
            health = {stream.definition.name: stream.health(now) for stream in endpoint.streams.all()}
            self._send(HTTPStatus.OK, {"streams": health})
        elif self.path == FAULTS_PATH:
            self._send(HTTPStatus.OK, asdict(endpoint.faults.rates))
        else:
            self._send(HTTPStatus.NOT_FOUND, {"message": f"GET {HEALTH_PATH} or {FAULTS_PATH}"})

    def do_PUT(self) -> None:
        body = self._body()
        if body is None:
            return
        try:
            if self.path != FAULTS_PATH:
                raise FaultsError(f"PUT {FAULTS_PATH}")
            self.server.endpoint.faults.turn(Rates.parse(json.loads(body)))
        except (ValueError, AttributeError) as error:
            self._send(HTTPStatus.BAD_REQUEST, {"message": str(error)})
        else:
            self._send(HTTPStatus.OK, asdict(self.server.endpoint.faults.rates))

    def log_message(self, *_arguments: object) -> None:
        """Quiet: health and errors say what there is to say."""

    def _body(self) -> bytes | None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_BODY_BYTES:
            self.close_connection = True
            error = ValidationException(f"a body of {length} bytes is more than {MAX_BODY_BYTES}")
            self._send(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"__type": error.code, "message": str(error)})
            return None
        body = self.rfile.read(length)
        return body if len(body) == length else None  # the client went away in the middle

    def _send(self, status: int, answer: Mapping[str, Any], code: str = "") -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("x-amzn-RequestId", str(uuid.uuid4()))
        if code:
            self.send_header("x-amzn-ErrorType", code)
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()


class Server(ThreadingHTTPServer):
    daemon_threads = True  # a put that hangs does not keep the process
    block_on_close = False
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        super().__init__(address, Handler)

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 (the base class's signature)
        error = sys.exception() if hasattr(sys, "exception") else None
        if error is not None and not isinstance(error, ConnectionError):
            print(f"firehose.delivery: {client_address}: {error!r}", file=sys.stderr, flush=True)
