"""The lookup's entry: a Function URL event in, an HTTP answer out.

Nothing a caller sends gets a 500: a wrong request is told so with 400, an unknown address with 404.
"""

import functools
import json
import os
import sys
import time
from typing import Any

from lookup.routes import BadRequestError, NotFoundError, Request, answer
from lookup.shelf import Shelf

JSON = {"content-type": "application/json; charset=utf-8"}


def handle(event: dict[str, Any], _context: object = None) -> dict[str, Any]:
    began = time.perf_counter()
    request = Request.of(event)
    status, body = respond(_shelf(), request)
    # One line for each request; the local AWS waits for one, and it is what a shop greps for.
    print(
        f"{status} {request.path} {1000 * (time.perf_counter() - began):.1f} ms", file=sys.stderr, flush=True
    )
    return {"statusCode": status, "headers": JSON, "body": json.dumps(body, ensure_ascii=False)}


def respond(shelf: Shelf, request: Request) -> tuple[int, dict[str, Any]]:
    try:
        return 200, answer(shelf, request)
    except BadRequestError as error:
        return 400, {"error": str(error)}
    except NotFoundError as error:
        return 404, {"error": str(error)}


@functools.cache
def _shelf() -> Shelf:
    return Shelf.connect(os.environ["TABLE"])
