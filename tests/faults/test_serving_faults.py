"""Whatever happens to the publisher: after one more run the table equals the export of what is live.

All the while a shopper asks the lookup, and never gets an error, an empty list, or one that no version has.
"""

import itertools
import json
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pyarrow as pa
import pytest

from contracts import history, publications
from emr_jobs.lists import export
from emr_jobs.publishing import plan
from lookup.shelf import Shelf
from publish import parts
from publish.store import Store
from tests.faults.aws_way import Answer
from tests.faults.served_lists import (
    FIRST,
    LONG_S,
    SECOND,
    THIRD,
    VERSIONS,
    begin,
    live,
    put_live,
    served,
    shopper,
)

FAST = 1e9  # items a second: the pace is not what these tests are about


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(plan, "PART_ITEMS", 4)


@pytest.fixture
def shop(shop):
    for version, lists in VERSIONS.items():
        rows = [
            {"key": key} | named | {f"{name}_why": ["p"] * len(codes) for name, codes in named.items()}
            for key, named in lists.items()
        ]
        table = pa.Table.from_pylist(rows, schema=export.SCHEMA).sort_by("key")
        export.write(shop.s3, shop.bucket, version.customers, table)
        export.write(shop.s3, shop.bucket, version.items, export.empty())
    return shop


@pytest.fixture
def store(shop):
    store = Store.connect(shop.table)
    store.pace.rate = FAST
    yield store
    store.s3.close()
    store.dynamodb.close()


class Killed(BaseException):
    """kill -9 at this call."""


class Mortal:
    """A client that dies at the given call, before or after it took effect."""

    def __init__(self, client, deaths):
        self._client, self._deaths = client, deaths

    def __getattr__(self, name):
        found = getattr(self._client, name)
        if not callable(found):
            return found

        def call(*places, **arguments):
            death = next(self._deaths)
            if death == "before":
                raise Killed
            answer = found(*places, **arguments)
            if death == "after":
                raise Killed
            return answer

        return call


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_worker_killed_at_any_of_its_calls_is_made_good_by_the_message_that_comes_again(
    shop, store, moment
):
    put_live(shop, store, FIRST)
    versions = itertools.cycle([SECOND, FIRST])
    with shopper(shop.dynamodb, shop.table):
        for call in itertools.count():
            version = next(versions)
            begun, deaths = begin(shop, version), itertools.chain([""] * call, [moment], itertools.repeat(""))
            mortal = replace(store, s3=Mortal(store.s3, deaths), dynamodb=Mortal(store.dynamodb, deaths))
            try:
                for part in begun:
                    parts.publish(mortal, shop.bucket, part)
            except Killed:
                for part in begun:
                    parts.publish(store, shop.bucket, part)
                assert (live(shop), served(shop)) == (version, VERSIONS[version]), call
            else:
                break
    assert call > 20  # reads, writes, marks, the close and its note: all of them were died at


@pytest.mark.parametrize("seed", range(5))
def test_parts_come_doubled_reordered_missing_and_a_month_late(shop, store, seed):
    chance, old = random.Random(seed), []
    put_live(shop, store, FIRST)
    with shopper(shop.dynamodb, shop.table):
        for version in (SECOND, THIRD, FIRST, SECOND):
            begun = begin(shop, version)
            astray = chance.sample(begun, len(begun) // 2)
            told = chance.choices(old + begun, k=10 * len(begun)) if old else [*begun, *begun[::-1]]
            for part in told:
                if part not in astray:
                    parts.publish(store, shop.bucket, part)
            old += begun
        for part in begin(shop, THIRD):  # one more run
            parts.publish(store, shop.bucket, part)
        for part in old:
            assert "dropped" in parts.publish(store, shop.bucket, part)
    assert (live(shop), served(shop)) == (THIRD, VERSIONS[THIRD])


class Nap:
    """The pace of a worker that falls asleep between its first check and its first write."""

    def __init__(self):
        self.asleep, self.woken = threading.Event(), threading.Event()

    def wait(self, _):
        self.asleep.set()
        assert self.woken.wait(LONG_S)


@contextmanager
def asleep_in(shop, store, part):
    """A worker sleeps in the middle of `part` while the block runs, and writes when it is over."""
    nap = Nap()
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(parts.publish, replace(store, pace=nap), shop.bucket, part)
        assert nap.asleep.wait(LONG_S)
        try:
            yield
        finally:
            nap.woken.set()
        assert "stopped" in work.result()


@pytest.mark.parametrize("abandoned", [False, True], ids=["it went live", "it was abandoned"])
@pytest.mark.parametrize("later", [1, 3])
def test_a_worker_that_wrote_after_its_publication_was_over_mends_it_itself(shop, store, later, abandoned):
    put_live(shop, store, FIRST)
    begun = begin(shop, SECOND)
    with shopper(shop.dynamodb, shop.table), asleep_in(shop, store, begun[0]):
        for part in [] if abandoned else begun:  # its message came again, to a worker that was awake
            parts.publish(store, shop.bucket, part)
        for version in [THIRD, SECOND, FIRST][:later]:
            put_live(shop, store, version)
        expected = live(shop)
    assert (live(shop), served(shop)) == (expected, VERSIONS[expected])


def test_what_a_worker_wrote_late_before_it_was_killed_is_found_by_the_next_publication(shop, store):
    put_live(shop, store, FIRST)
    begun = begin(shop, SECOND)
    for part in begun:
        parts.publish(store, shop.bucket, part)
    late = [line for part in begun for line in store.lines(shop.bucket, part.key)][:25]
    put_live(shop, store, THIRD)
    store.write(late)  # it woke, wrote, and was killed
    assert served(shop) != VERSIONS[THIRD]
    put_live(shop, store, THIRD)  # nothing differs between the two versions
    assert served(shop) == VERSIONS[THIRD]


def test_a_rollback_takes_back_a_version_that_is_on_its_way(shop, store):
    put_live(shop, store, FIRST)
    put_live(shop, store, SECOND)
    with shopper(shop.dynamodb, shop.table):
        begun = begin(shop, THIRD)
        for part in begun[:-1]:
            parts.publish(store, shop.bucket, part)
        for _ in range(2):  # killed and begun again
            assert where_back(shop) == SECOND
            back = begin(shop, SECOND)
        for part in [*begun, *back]:
            parts.publish(store, shop.bucket, part)
    assert (live(shop), served(shop)) == (SECOND, VERSIONS[SECOND])


def where_back(shop):
    known = publications.read(shop.dynamodb, shop.table)
    noted = history.notes(shop.s3, shop.bucket)
    return history.version_before(known, noted, history.versions(shop.s3, shop.bucket))


UNDONE = {"BatchWriteItem": "UnprocessedItems", "BatchGetItem": "UnprocessedKeys"}
NOTHING = {"Responses": {}}


@pytest.fixture
def bad_weather(way):
    """DynamoDB throttles, fails, or leaves all of a batch undone one time in five; or does it, unheard."""
    chance = random.Random(1)

    def change(request, forward):
        kind = chance.random() if request.service == "dynamodb" else 1.0
        if kind < 0.05:
            return way.refuse(request, 400, "ThrottlingException")
        if kind < 0.10:
            return way.refuse(request, 500, "InternalServerError")
        if kind < 0.14:
            return None  # the connection is cut
        if kind < 0.17:
            forward()  # it took effect, and nobody hears of it
            return None
        if kind < 0.20 and request.operation in UNDONE:
            left = json.dumps({UNDONE[request.operation]: json.loads(request.body)["RequestItems"]} | NOTHING)
            return Answer(200, [("Content-Type", "application/x-amz-json-1.0")], left.encode())
        return forward()

    way.weather = change
    return way


def test_dynamodb_that_throttles_and_fails_one_time_in_five_delays_and_changes_nothing(
    shop, store, bad_weather, monkeypatch
):
    put_live(shop, store, FIRST)
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", bad_weather.url)
    poor, reader = Store.connect(shop.table), Shelf.connect(shop.table)
    poor.pace.rate = FAST
    monkeypatch.delenv("AWS_ENDPOINT_URL_DYNAMODB")
    with shopper(reader.dynamodb, shop.table), ThreadPoolExecutor(4) as workers:
        for version in (SECOND, THIRD):
            list(workers.map(lambda part: parts.publish(poor, shop.bucket, part), begin(shop, version)))
    bad_weather.clear_up()
    for client in (poor.s3, poor.dynamodb, reader.dynamodb):
        client.close()
    assert (live(shop), served(shop)) == (THIRD, VERSIONS[THIRD])
