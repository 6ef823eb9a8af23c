"""How fast a customer's list is answered: by the handler alone, and over HTTP by the whole local AWS.

    python -m bench.lookup [--seconds S]

The handler is called in this process against the local DynamoDB, one request after another, beside the bare
read of the same item. The local AWS is asked by signed HTTP at a fixed rate, whether it keeps up or not: an
answer's time counts from when its request was due. Exits 1 at any error, or where the handler's p99 is over
15 ms.
"""

import argparse
import io
import itertools
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import boto3

from bench.local_lake import local_aws
from contracts.catalogue import pack_codes
from contracts.lists import (
    NOT_FOR_SALE_KEY,
    POPULAR_KEY,
    Entry,
    Served,
    catalogue_key,
    customer_key,
    to_plain,
)
from infra import package
from infra.lists.customer import lookup_at
from infra.lists.lookup_client import Lookup, LookupFailedError
from lookup import handler
from publish.store import WRITE_BATCH, Store, batches

BUDGET_MS = 15.0
COLD_BUDGET_MS = 400.0
TABLE = "bench-lists"
CUSTOMERS = 500
CODES = [f"{code}" for code in range(10_000, 12_000)]
RATE = 20.0  # requests a second over HTTP
THREADS = 8
COLD_STARTS = 7
VERSION = "20261120T110000Z-1"
NAMED = {"names": "true", "reasons": "true"}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.lookup", description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=10.0, metavar="S", help="of each kind (%(default)g)")
    seconds = parser.parse_args().seconds
    _cold()
    with tempfile.TemporaryDirectory(prefix="cadabra-bench-") as folder, local_aws(Path(folder)):
        os.environ["TABLE"] = TABLE
        _fill()
        floor, _ = _serial("bare GetItem", _read(), seconds / 4)
        p99, errors = _serial("the handler", _handled({}), seconds)
        _, more = _serial("names and reasons", _handled(NAMED), seconds / 4)
        print(f"the handler's p99 is {p99 / floor:.1f} x the bare read's; budget {BUDGET_MS:.0f} ms")
        errors += more + _due(_deployed(), seconds)
    return 1 if errors or p99 > BUDGET_MS else 0


def _cold() -> None:
    """Median of new interpreters: the import and the clients, without the interpreter's own start."""
    run = "import time; b = time.perf_counter(); from lookup import handler; handler._shelf(); "
    command = [sys.executable, "-c", run + "print(time.perf_counter() - b)"]
    environment = {**os.environ, "TABLE": TABLE, "AWS_DEFAULT_REGION": "us-east-1", "PYTHONPATH": "lambda:."}
    took = [float(subprocess.check_output(command, env=environment)) for _ in range(COLD_STARTS)]
    print(f"cold import           {1000 * statistics.median(took):8.0f} ms, budget {COLD_BUDGET_MS:.0f} ms")


def _serial(name: str, ask: Callable[[str], bool], seconds: float) -> tuple[float, int]:
    """The p99 in ms and the errors, one request after another."""
    took, errors = [], 0
    for number in range(CUSTOMERS // 10):
        ask(f"c{number}")  # warm
    ends = time.perf_counter() + seconds
    for number in itertools.cycle(range(CUSTOMERS)):
        began = time.perf_counter()
        errors += not ask(f"c{number}")
        took.append(time.perf_counter() - began)
        if time.perf_counter() > ends:
            break
    return _said(name, took, errors, len(took) / sum(took)), errors


def _said(name: str, took: list[float], errors: int, rate: float) -> float:
    """Prints the figures; the answer is the p99 in ms."""
    took = sorted(took)
    p50, p99 = (1000 * took[int(share * (len(took) - 1))] for share in (0.5, 0.99))
    counts = f"{len(took):6,} requests, {errors} errors"
    print(f"{name:<22}p50 {p50:6.2f} ms  p99 {p99:6.2f} ms  at {rate:5.0f}/s  {counts}", flush=True)
    return p99


def _read() -> Callable[[str], bool]:
    client = boto3.client("dynamodb")
    return lambda name: "Item" in client.get_item(TableName=TABLE, Key={"id": {"S": customer_key(name)}})


def _handled(query: dict[str, str]) -> Callable[[str], bool]:
    def ask(name: str) -> bool:
        event = {"rawPath": f"/customers/{name}/recommendations", "queryStringParameters": query}
        with redirect_stderr(io.StringIO()):
            return bool(handler.handle(event)["statusCode"] == 200)

    return ask


def _due(lookup: Lookup, seconds: float) -> int:
    """Requests at a fixed rate over HTTP; the answer is the errors."""
    began, took, errors = time.perf_counter() + 0.1, [], []

    def ask(number: int) -> None:
        due = began + number / RATE
        time.sleep(max(0.0, due - time.perf_counter()))
        try:
            lookup.get(f"/customers/c{number % CUSTOMERS}/recommendations", n=20)
        except LookupFailedError as error:
            errors.append(error)
        took.append(time.perf_counter() - due)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(ask, range(int(RATE * seconds))))
    _said("the local AWS, HTTP", took, len(errors), RATE)
    return len(errors)


def _fill() -> None:
    boto3.client("dynamodb").create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    chance, store = random.Random(1), Store.connect(TABLE)
    items: list[dict[str, Any]] = [
        {"id": NOT_FOR_SALE_KEY, "codes": pack_codes(chance.sample(CODES, 100))},
        to_plain(Served(POPULAR_KEY, VERSION, {"popular": _entries(chance)})),
        *({"id": catalogue_key(code), "name": f"item {code}"} for code in CODES),
    ]
    for number in range(CUSTOMERS):
        both = {"for_you": _entries(chance), "discover": _entries(chance)}
        items.append(to_plain(Served(customer_key(f"c{number}"), VERSION, both)))
    for few in batches(items, WRITE_BATCH):
        store.write(few)


def _entries(chance: random.Random) -> tuple[Entry, ...]:
    return tuple(Entry(code, chance.choice(["p", "a2", f"b{code}"])) for code in chance.sample(CODES, 30))


def _deployed() -> Lookup:
    """The zip as a function with a URL in the local AWS."""
    function = boto3.client("lambda")
    function.create_function(
        FunctionName="lookup",
        Runtime="python3.13",
        Handler="lookup.handler.handle",
        Role="arn:aws:iam::000000000000:role/bench",
        Code={"ZipFile": package.artifacts()["lookup"].content},
        Environment={"Variables": {"TABLE": TABLE}},
        Timeout=10,
    )
    url = function.create_function_url_config(FunctionName="lookup", AuthType="AWS_IAM")["FunctionUrl"]
    lookup = lookup_at(url)
    lookup.health()  # started
    return lookup


if __name__ == "__main__":
    sys.exit(main())
