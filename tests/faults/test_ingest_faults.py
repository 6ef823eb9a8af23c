"""Ingest is killed, refused and hindered: nothing is lost, nothing is doubled."""

import gzip
import itertools
import os
import random
import signal
import threading
from collections import Counter

from infra.lake import tables
from tests.faults.ingest_runs import DEADLINE_SECONDS, assert_every_line_is_stored_once

KILLS = int(os.environ.get("CADABRA_KILLS", "3"))
REQUESTS = 100  # of a run to AWS, about


def writes(table):
    """A data file of the table is about to be put."""
    return lambda request: request.operation == "PUT" and f"/{table}/data/" in request.path


def commits(table):
    return lambda request: request.operation == "UpdateTable" and request.table == table


# When, and whether the request takes effect before the kill.
MOMENTS = (
    (writes("orders"), False),
    (commits("orders"), True),
    (commits("ledger"), False),
    (commits("orders"), False),
    (commits("rejects"), False),
    (commits("rejects"), True),
    (commits("ledger"), True),
)


def at_random(seed):
    """Moments at any of a run's requests to AWS; a run that has fewer ends well."""
    chance = random.Random(seed)
    while True:
        requests = itertools.count(1)
        number = chance.randint(1, REQUESTS)
        yield (lambda _, requests=requests, number=number: next(requests) == number), chance.random() < 0.5


def test_killed_at_any_moment_it_ends_right_when_run_again(till, runs, way):
    """Each kill meets new objects, doubles of old lines among them, and what the kills before it left."""
    moments, kills = itertools.chain(MOMENTS, at_random(20261121)), 0
    while kills < KILLS:
        again = till.lines()
        till.put(again)
        till.put(gzip.compress(again + till.lines()))
        is_now, takes_effect = next(moments)

        def deadly(request, forward, is_now=is_now, takes_effect=takes_effect):
            if not is_now(request):
                return forward()
            if takes_effect:
                forward()
            runs.kill()
            return None

        way.weather = deadly
        ended = runs.start(way.url).wait(DEADLINE_SECONDS)
        assert ended in {-signal.SIGKILL, 0}, runs.said
        assert ended or kills >= len(MOMENTS), f"moment {kills + 1} never came:\n{runs.said}"
        kills += ended != 0
    way.clear_up()
    runs.run(way.url)
    assert_every_line_is_stored_once(till)


def another_writer_commits(till):
    """A change of somebody else's to orders, straight to AWS."""
    table = tables.catalog().load_table((tables.DATABASE, "orders"))
    with table.transaction() as change:
        change.set_properties({f"seen.{till.source}": "yes"})


def test_glue_refuses_contends_and_falls_silent_and_each_commit_is_made_once(till, runs, way):
    """Of orders another commits first, then the answer is lost; rejects meet a 500, the ledger a conflict."""
    till.put(till.lines())
    asked = Counter()

    def stormy(request, forward):
        if request.operation != "UpdateTable":
            return forward()
        asked[request.table] += 1
        match request.table, asked[request.table]:
            case "orders", 1:
                another_writer_commits(till)
            case "orders", 2:
                assert forward().status == 200
                return None
            case "rejects", 1:
                return way.refuse(request, 500, "InternalServiceException")
            case "ledger", 1:
                return way.refuse(request, 400, "ConcurrentModificationException")
        return forward()

    way.weather = stormy
    runs.run(way.url)
    assert asked["orders"] > 2
    assert asked["rejects"] > 1
    assert asked["ledger"] > 1
    assert_every_line_is_stored_once(till)
    orders = tables.catalog().load_table((tables.DATABASE, "orders"))
    assert orders.properties[f"seen.{till.source}"] == "yes"


def test_a_fifth_of_s3s_requests_fail_and_nothing_is_lost_or_doubled(till, runs, way):
    for _ in range(6):
        till.put(gzip.compress(till.lines()))
    chance, failed = random.Random(20261121), Counter()

    def stormy(request, forward):
        luck = chance.random()
        if request.service != "s3" or luck > 0.2:
            return forward()
        failed[request.operation] += 1
        if luck > 0.1:
            return way.refuse(request, 503, "SlowDown")
        if luck > 0.05:
            forward()  # it took effect, and nobody was told
        return None

    way.weather = stormy
    runs.run(way.url)
    assert failed["GET"]
    assert failed["PUT"]
    assert_every_line_is_stored_once(till)


def test_an_ingest_beside_another_says_so_and_stops(till, runs, way):
    """The first waits within its commit until the second has ended."""
    till.put(till.lines())
    begun, may_end = threading.Event(), threading.Event()

    def patient(request, forward):
        if commits("orders")(request):
            begun.set()
            may_end.wait(DEADLINE_SECONDS)
        return forward()

    way.weather = patient
    first = runs.start(way.url)
    assert begun.wait(DEADLINE_SECONDS)
    holder = runs.held.number
    second = runs.start(way.url, number=holder - 1)
    assert second.wait(DEADLINE_SECONDS) == 1
    assert f"ingest: run {holder - 1} no longer holds the lease (run {holder} does)" in runs.said
    assert "Traceback" not in runs.said
    may_end.set()
    assert first.wait(DEADLINE_SECONDS) == 0
    assert_every_line_is_stored_once(till)
