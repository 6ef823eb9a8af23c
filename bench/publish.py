"""How fast the publisher writes, beside bare BatchWriteItem calls, and what an hour costs in write units.

    python -m bench.publish [--customers N]

Both write items of the same shape with as many threads, in turns, into one local DynamoDB. Units are counted
as DynamoDB bills them, a started KB of each item. Exits 1 where the publisher is slower than 95 % of the bare
calls.
"""

import argparse
import gzip
import json
import math
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
from botocore.config import Config

from bench.local_lake import BUCKET, local_aws
from contracts import publications
from contracts.lists import CUSTOMER_LISTS, STORED_ENTRIES, Entry, Served, customer_key, to_dynamo, to_plain
from contracts.s3_layout import Part, Version
from emr_jobs.lists import export
from publish import parts
from publish.store import WRITE_BATCH, Store, batches

WANTED = 0.95  # of the bare rate
TABLE = "bench-lists"
WORKERS = 4  # as many as the template lets run at once
PART_ITEMS = 250
CHANGED = 0.05  # of the customers, in an ordinary hour
VERSIONS = tuple(Version.parse(f"20261120T1{hour}0000Z-{hour + 1}") for hour in range(2))
DOLLARS_PER_UNIT = 0.625e-6  # on demand
RUNS_A_MONTH = 24 * 30
QUOTED_CUSTOMERS = 100_000
UNIT_BYTES = 1024


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.publish", description=__doc__.partition("\n")[0])
    parser.add_argument("--customers", type=int, default=12_000, metavar="N", help="%(default)s")
    customers = parser.parse_args().customers
    with tempfile.TemporaryDirectory(prefix="cadabra-bench-") as folder, local_aws(Path(folder)):
        ratio = _rates(customers)
    _costs(customers)
    return 0 if ratio >= WANTED else 1


def _rates(customers: int) -> float:
    """The publisher's rate over the bare one, from rounds in turns."""
    store = _store()
    items = list(_items(customers, VERSIONS[0], random.Random(1)))
    made = _open(store, items)
    rounds = list(batches(made[:-1], WORKERS))
    bare = [_bare(items[n * PART_ITEMS * WORKERS :][: len(few) * PART_ITEMS]) for n, few in enumerate(rounds)]
    took = {"bare": 0.0, "published": 0.0}
    bare[0](WORKERS * WRITE_BATCH)  # connections, and the emulator's first time
    for number, few in enumerate(rounds):
        ways = [("bare", bare[number]), ("published", partial(_publish, store, few))]
        for name, way in ways if number % 2 else ways[::-1]:
            began = time.perf_counter()
            way()
            took[name] += time.perf_counter() - began
    written = PART_ITEMS * (len(made) - 1)
    ratio = took["bare"] / took["published"]
    print(f"bare BatchWriteItem   {written / took['bare']:8,.0f} items/s, {WORKERS} threads")
    print(f"the publisher         {written / took['published']:8,.0f} items/s, {ratio:.2f} x the bare calls")
    _close(store, made[-1], len(items))
    return ratio


def _bare(items: list[dict[str, Any]]) -> Callable[..., None]:
    """What any writer must do: the same items in the same batches, all made ready beforehand."""
    client = boto3.client("dynamodb", config=Config(max_pool_connections=WORKERS))
    ready = [{"PutRequest": {"Item": to_dynamo({**item, "id": f"bare-{item['id']}"})}} for item in items]

    def write(count: int | None = None) -> None:
        with ThreadPoolExecutor(WORKERS) as pool:
            for answer in pool.map(
                lambda few: client.batch_write_item(RequestItems={TABLE: few}),
                batches(ready[:count], WRITE_BATCH),
            ):
                assert not answer["UnprocessedItems"]

    return write


def _publish(store: Store, few: list[Part]) -> None:
    with ThreadPoolExecutor(WORKERS) as pool:
        for said in pool.map(lambda part: parts.publish(store, BUCKET, part), few):
            assert said.endswith("items written"), said


def _close(store: Store, last: Part, items: int) -> None:
    began = time.perf_counter()
    said = parts.publish(store, BUCKET, last)
    took = time.perf_counter() - began
    assert "is live" in said, said
    print(f"its close             {items / took:8,.0f} keys/s read back and compared")


def _store() -> Store:
    boto3.client("dynamodb").create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    store = Store.connect(TABLE)
    store.pace.rate = math.inf  # no pace: a new table on AWS takes 4,000 a second, more than this one here
    return store


def _open(store: Store, items: list[dict[str, Any]]) -> list[Part]:
    """A publication of these items, its parts in S3; nobody is told of them."""
    bodies = list(batches(items, PART_ITEMS))
    made = [Part(1, place, len(bodies)) for place in range(1, len(bodies) + 1)]
    publications.open_(store.dynamodb, store.table, 1, str(VERSIONS[0]), len(bodies))
    for part, body in zip(made, bodies, strict=True):
        content = gzip.compress("\n".join(map(json.dumps, body)).encode())
        store.s3.put_object(Bucket=BUCKET, Key=part.key, Body=content)
    return made


def _items(customers: int, version: Version, chance: random.Random) -> Iterator[dict[str, Any]]:
    for number in range(customers):
        yield _item(f"{12_000 + number}", version, chance)


def _item(customer: str, version: Version, chance: random.Random) -> dict[str, Any]:
    lists = {name: tuple(_entry(chance) for _ in range(STORED_ENTRIES)) for name in CUSTOMER_LISTS}
    return to_plain(Served(customer_key(customer), str(version), lists))


def _entry(chance: random.Random) -> Entry:
    code, cause = chance.choices(range(10_000, 30_000), k=2)
    return Entry(f"{code}{chance.choice(['', '', 'A'])}", chance.choice(["p", "a", "a2", f"b{cause}"]))


def _costs(customers: int) -> None:
    """Write units of an ordinary hour by the difference, beside a full rewrite."""
    chance = random.Random(2)
    before = list(_items(customers, VERSIONS[0], chance))
    after = [_changed(item, chance) if chance.random() < CHANGED else item for item in before]
    changed, removed = export.difference(_rows(after), _rows(before), set())
    difference = sum(map(_units, export.plain(changed, removed, VERSIONS[1])))
    rewrite = sum(map(_units, after))
    print(f"an item               {sum(map(_bytes, after)) / len(after):8,.0f} bytes, one write unit")
    for name, units in (("an ordinary hour", difference), ("a full rewrite", rewrite)):
        dollars = units / customers * QUOTED_CUSTOMERS * RUNS_A_MONTH * DOLLARS_PER_UNIT
        print(f"{name:<22}{units:8,} write units; $ {dollars:.2f} a month for {QUOTED_CUSTOMERS:,} customers")


def _changed(item: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    return _item(item["id"].partition("#")[2], VERSIONS[1], chance)


def _rows(items: list[dict[str, Any]]) -> pa.Table:
    rows = [{**item, "key": item["id"]} for item in items]
    return pa.Table.from_pylist(rows, schema=export.SCHEMA).sort_by("key")


def _units(item: dict[str, Any]) -> int:
    return max(1, -(-_bytes(item) // UNIT_BYTES))


def _bytes(item: dict[str, Any]) -> int:
    """How DynamoDB counts: names and texts their bytes, a list 3 bytes and 1 for each entry."""
    return sum(len(name) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: str | list[str]) -> int:
    return len(value) if isinstance(value, str) else 3 + sum(1 + len(text) for text in value)


if __name__ == "__main__":
    sys.exit(main())
