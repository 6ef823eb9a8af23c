"""The local EMR: EMR's API on this machine, with steps that really run. The supervisor starts it.

`python -m infra.local.emr --host 127.0.0.1 --port N --data DIR`; when ready it prints `listening on http://...`.
"""

import argparse
import fcntl
import json
import logging
import queue
import signal
import sys
import threading
import uuid
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from infra.local.emr_api import Api, ApiError, InvalidRequestError, Plain
from infra.local.emr_records import Records
from infra.local.emr_runs import Clusters

HEALTH_PATH = "/_emr/health"
BODY_MOST_BYTES = 10 * 1024 * 1024  # RunJobFlow requests are kilobytes
_JSON = "application/x-amz-json-1.1"

log = logging.getLogger(__name__)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    api: Api

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__(address, Handler)


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        found = self.path == HEALTH_PATH
        self._send(HTTPStatus.OK if found else HTTPStatus.NOT_FOUND, {"healthy": True} if found else {})

    def do_POST(self) -> None:
        action = self.headers.get("X-Amz-Target", "").removeprefix("ElasticMapReduce.")
        try:
            answer = self.server.api.answer(action, self._body())
        except ApiError as error:
            self._send(HTTPStatus.BAD_REQUEST, {"__type": error.code, "message": str(error)})
        except Exception as error:
            log.exception("%s failed", action)
            body = {"__type": ApiError.code, "message": f"a fault of the local EMR itself: {error}"}
            self._send(HTTPStatus.INTERNAL_SERVER_ERROR, body)
        else:
            self._send(HTTPStatus.OK, answer)

    def _body(self) -> Plain:
        length = int(self.headers.get("Content-Length") or 0)
        if length > BODY_MOST_BYTES:
            self.close_connection = True
            raise InvalidRequestError(f"a request of {length} bytes is too long")
        try:
            body = json.loads(self.rfile.read(length) or b"{}")
        except ValueError as error:
            raise InvalidRequestError(f"the request is no JSON: {error}") from error
        if not isinstance(body, dict):
            raise InvalidRequestError("the request is no JSON object")
        return body

    def _send(self, status: HTTPStatus, body: Plain) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", _JSON)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("x-amzn-RequestId", str(uuid.uuid4()))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *values: object) -> None:  # noqa: A002  the base class's name
        log.debug(format, *values)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.local.emr", description="EMR on this machine.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, required=True, help="port to listen on; 0 takes a free one")
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of clusters, and of steps' work and logs"
    )
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("botocore").setLevel(logging.WARNING)
    data = options.data.resolve()
    data.mkdir(parents=True, exist_ok=True)
    with (data / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            server = Server((options.host, options.port))
            s3, bus = boto3.client("s3"), _bus()
        except BlockingIOError:
            print(f"another local EMR uses {data}", file=sys.stderr)
            return 1
        except BotoCoreError as error:
            server.server_close()
            print(f"the environment does not say where AWS is: {error}", file=sys.stderr)
            return 1
        except (OSError, OverflowError) as error:
            print(f"{options.host}:{options.port} cannot be listened on: {error}", file=sys.stderr)
            return 1
        clusters = Clusters(Records(data / "clusters"), data / "steps", s3, bus)
        _serve_until_asked_to_end(server, Api(clusters))
        clusters.stop()
    return 0


def _bus() -> Any:
    """Impatient: what the bus does not take now is offered again."""
    config = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 1})
    return boto3.client("events", config=config)


def _serve_until_asked_to_end(server: Server, api: Api) -> None:
    server.api = api
    asked: queue.SimpleQueue[int] = queue.SimpleQueue()  # unlike an Event, it may be put to in a handler
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: asked.put(number))
    thread = threading.Thread(target=server.serve_forever, name="http")
    thread.start()
    host, port = server.server_address[:2]
    print(f"listening on http://{host!s}:{port}", flush=True)
    asked.get()
    server.shutdown()
    thread.join()
    server.server_close()


if __name__ == "__main__":
    sys.exit(main())
