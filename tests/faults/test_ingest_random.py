"""Random objects, doubles, bad lines, arrivals and kills, against twenty lines that say what must be."""

import gzip
import itertools
import os
import random
from collections import Counter

import boto3
import pytest

from contracts import s3_layout
from contracts.order_line import Fate
from emr_jobs.lake import hours
from tests.faults.ingest_runs import BAD, LINE, new_till, stored

ROUNDS = int(os.environ.get("CADABRA_KILLS", "3"))
PUBLIC = b'536365,85123A,"HOLDER, %s %d",6,12/1/2010 8:26,2.55,17850,United Kingdom\r\n'
MOMENTS = (0, 0, 1, 2, 3, 4, 5, 6)  # a kill comes before that commit of a run; 0: none


class KilledError(Exception):
    """In place of kill -9, at a moment that can be chosen."""


def random_line(chance, till):
    """Of few ids and few contents, so that the same one comes often."""
    source = f"{till.source}-{chance.choice('ab')}".encode()
    kind = chance.choices(["good", "bad", "public", "no id", "blank"], [12, 3, 3, 1, 1])[0]
    return {
        "good": LINE % (b"Lamp", source, chance.randint(1, 40)),
        "bad": BAD % (source, chance.randint(41, 50)),
        "public": PUBLIC % (till.source.encode(), chance.randint(1, 3)),
        "no id": b"only,three,columns\n",
        "blank": b" \n",
    }[kind]


def random_objects(chance, till):
    """By key, in a random order of arrival."""
    keys = [f"{s3_layout.arrival_prefix(till.hour)}{till.source}-{n}" for n in range(chance.randint(2, 6))]
    chance.shuffle(keys)
    return {key: [random_line(chance, till) for _ in range(chance.randint(0, 40))] for key in keys}


def what_must_be(batches):
    """The id of each place a line landed in, and the places that are stored where no run is killed."""
    ids, first = {}, {}
    for objects in batches:
        for key in sorted(objects):
            occurrences = Counter()
            for number, line in enumerate(objects[key], start=1):
                if not line.strip():
                    continue
                occurrences[line] += 1
                if line.startswith(b"536365"):
                    ids[key, number] = (line, occurrences[line])
                elif line.startswith(b"only"):
                    ids[key, number] = (key, number)
                else:
                    ids[key, number] = line
                first.setdefault(ids[key, number], (key, number))
    return ids, set(first.values())


def refused(line):
    return b",many," in line or line.startswith(b"only")


def batches_of(chance, objects):
    """As many runs as there are, with what is new to each."""
    keys = list(objects)
    cuts = sorted({0, len(keys), *chance.sample(range(len(keys) + 1), k=min(2, len(keys)))})
    return [{key: objects[key] for key in keys[start:end]} for start, end in itertools.pairwise(cuts)]


def run(spark, till, dies_at=0, *, anew=False):
    """One run of ingest, killed before its commit number `dies_at` if it has as many; whether it was."""
    calls, s3 = itertools.count(1), boto3.client("s3")

    def check_lease():
        if next(calls) == dies_at:
            raise KilledError

    asked = {"first": till.hour, "last": till.hour, "anew": anew}
    try:
        hours.ingest(spark, s3, till.bucket, run=1, check_lease=check_lease, **asked)
    except KilledError:
        return True
    finally:
        s3.close()
    return False


def assert_tables_hold(till, batches, *, exactly):
    """Each id is stored once, the ledger adds up; `exactly`: of each id the first that landed is stored."""
    objects = {key: lines for batch in batches for key, lines in batch.items()}
    ids, first = what_must_be(batches)
    orders, rejects = (
        [(row["object"], row["line"]) for row in stored(till, table, "line")]
        for table in ("orders", "rejects")
    )
    assert not any(refused(objects[key][number - 1]) for key, number in orders)
    assert all(refused(objects[key][number - 1]) for key, number in rejects)
    assert Counter(ids[place] for place in orders + rejects) == Counter(dict.fromkeys(ids.values(), 1))
    assert not exactly or {*orders, *rejects} == first
    ledger = stored(till, "ledger", "landed", *Fate)
    landed, kept = Counter(key for key, _ in ids), Counter(key for key, _ in orders + rejects)
    assert sorted((row["object"], row["landed"], row["duplicate"]) for row in ledger) == sorted(
        (key, landed[key], landed[key] - kept[key]) for key in objects
    )
    assert all(row["landed"] == sum(row[fate] for fate in Fate) for row in ledger)


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_the_tables_hold_what_landed_once_whatever_came_twice_or_was_killed(spark, local_aws, seed):
    """And so they do when every object is read anew, whether or not that was killed too."""
    chance, till = random.Random(seed), new_till(local_aws.lake_bucket)
    objects = random_objects(chance, till)
    batches, killed = batches_of(chance, objects), False
    for batch in batches:
        for key, lines in batch.items():
            content = b"".join(lines)
            packed = gzip.compress(content) if chance.random() < 0.5 else content
            boto3.client("s3").put_object(Bucket=till.bucket, Key=key, Body=packed)
        killed |= run(spark, till, chance.choice(MOMENTS))
    run(spark, till)
    assert_tables_hold(till, batches, exactly=not killed)
    if run(spark, till, chance.choice(MOMENTS), anew=True):
        run(spark, till)
    assert_tables_hold(till, [objects], exactly=True)
