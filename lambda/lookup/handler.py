"""The lookup's entry: a Function URL event in, an HTTP answer out.

Nothing a caller sends gets a 500: a wrong request is told so with 400, an unknown address with 404. While the
table cannot be read, what is popular is answered from memory, and 503 where there is nothing in it yet.
"""

import functools
import hashlib
import json
import os
import sys
import time
from typing import Any

from lookup import routes
from lookup.request import BadRequestError, NotFoundError, Request, WrongMethodError
from lookup.routes import METHOD
from lookup.shelf import Shelf, UnavailableError

Answer = dict[str, Any]  # as a Function URL wants it


def handle(event: dict[str, Any], _context: object = None) -> Answer:
    began = time.perf_counter()
    name, answered = respond(_shelf(), Request.of(event))
    # One line for each request, without the customer. The local AWS waits for one, and it is what to count.
    took_ms = 1000 * (time.perf_counter() - began)
    print(f"{answered['statusCode']} {name} {took_ms:.1f} ms", file=sys.stderr, flush=True)
    return answered


def respond(shelf: Shelf, request: Request) -> tuple[str, Answer]:
    """The route's name, and the answer."""
    try:
        route, body = routes.answer(shelf, request)
    except WrongMethodError as error:
        return "refused", _error(405, error, allow=METHOD)
    except BadRequestError as error:
        return "refused", _error(400, error)
    except NotFoundError as error:
        return "nothing", _error(404, error)
    except UnavailableError as error:
        print(f"the table cannot be read: {error}", file=sys.stderr)
        return "unavailable", _error(503, "the lists cannot be read now; try again", **{"retry-after": "1"})
    return route.name, _found(body, request, route.fresh_s)


def _found(body: dict[str, Any], request: Request, fresh_s: int) -> Answer:
    """The body; or 304 where the caller has it already."""
    text = json.dumps(body)
    tag = f'"{hashlib.sha256(text.encode()).hexdigest()[:16]}"'
    kept = {"cache-control": f"private, max-age={fresh_s}" if fresh_s else "no-store", "etag": tag}
    known = request.headers.get("if-none-match", "")
    if tag in known or known.strip() == "*":
        return {"statusCode": 304, "headers": kept, "body": ""}
    return _answer(200, text, kept)


def _error(status: int, said: object, **headers: str) -> Answer:
    return _answer(status, json.dumps({"error": str(said)}), {"cache-control": "no-store", **headers})


def _answer(status: int, text: str, headers: dict[str, str]) -> Answer:
    told = {"content-type": "application/json; charset=utf-8", **headers}
    return {"statusCode": status, "headers": told, "body": text}


@functools.cache
def _shelf() -> Shelf:
    return Shelf.connect(os.environ["TABLE"])
