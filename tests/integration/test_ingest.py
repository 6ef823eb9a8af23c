"""Ingest gives each landed line one fate, exactly once in effect: real Spark, real Iceberg, real S3."""

import gzip
from collections import Counter
from datetime import UTC, timedelta
from decimal import Decimal

from contracts.order_line import Fate
from emr_jobs.lake import intake
from infra.lake.ledger import accounts as ledger_accounts
from tests.landed_lines import NOW, fates, ledger, line, put, run, stored


def test_each_line_has_one_fate_and_the_ledger_adds_up(spark, lake, source):
    content = b"".join(
        [
            line(source, 1),
            line(source, 2, quantity=-1, invoice="C500002"),
            line(source, 3, stock_code="POST"),
            line(source, 4, customer=""),
            line(source, 1),
            b"500003,10001,no numbers,many,2026-01-01,1.0,c1,France,%s-5\n" % source.encode(),
            b"only,three,columns\n",
        ]
    )
    key = put(lake, f"{source}.gz", gzip.compress(content))
    run(spark, lake)
    row = ledger(spark, key)
    assert {fate: row[fate] for fate in Fate} == {
        "sale": 1,
        "return": 1,
        "fee": 1,
        "guest": 1,
        "duplicate": 1,
        "erased": 0,
        "rejected": 2,
    }
    assert row["landed"] == 7
    by_source = {entry["source"]: entry for entry in row["sources"]}
    assert by_source[source]["last"] == 5
    assert by_source[source]["landed"] - by_source[source]["duplicate"] == 5
    assert by_source[""]["rejected"] == 1


def test_a_stored_line_says_what_was_written_and_where_it_landed(spark, lake, source):
    key = put(lake, f"{source}.csv", line(source, 1, description='6" plate, "blue"'))
    run(spark, lake)
    (row,) = stored(spark, "orders", source)
    assert row["description"] == '6" plate, "blue"'
    assert row["unit_price"] == Decimal("2.5000")
    assert row["time"].astimezone(UTC) == NOW - timedelta(days=1)
    assert (row["object"], row["line"], row["fate"]) == (key, 1, "sale")


def test_a_second_run_changes_nothing(spark, lake, source):
    put(lake, f"{source}.gz", gzip.compress(line(source, 1) + line(source, 2)))
    run(spark, lake)
    before = [stored(spark, table, source) for table in ("orders", "rejects")]
    assert run(spark, lake).objects == 0
    assert [stored(spark, table, source) for table in ("orders", "rejects")] == before


def test_lines_sent_again_in_another_object_are_duplicates_there(spark, lake, source):
    put(lake, f"{source}-a.gz", gzip.compress(line(source, 1) + line(source, 2)))
    run(spark, lake)
    again = put(lake, f"{source}-b.gz", gzip.compress(line(source, 2) + line(source, 3)))
    run(spark, lake)
    assert [row["event_id"] for row in stored(spark, "orders", source)] == [
        f"{source}-{n}" for n in (1, 2, 3)
    ]
    assert ledger(spark, again)["duplicate"] == 1
    assert ledger(spark, again)["sale"] == 1


def test_a_refused_line_sent_again_is_a_duplicate(spark, lake, source):
    bad = b"500003,10001,x,many,2026-01-01,1.0,c1,France,%s-1\n" % source.encode()
    put(lake, f"{source}-a.csv", bad)
    run(spark, lake)
    again = put(lake, f"{source}-b.csv", bad)
    run(spark, lake)
    assert [row["reason"] for row in stored(spark, "rejects", source)] == ["quantity"]
    assert ledger(spark, again)["duplicate"] == 1


def test_a_compressed_object_cut_short_gives_its_whole_lines_and_one_reject(spark, lake, source):
    whole = [line(source, number, description=f"item {number * 7919}") for number in range(1, 2001)]
    packed = gzip.compress(b"".join(whole))
    key = put(lake, f"{source}.gz", packed[: len(packed) // 2])
    run(spark, lake)
    row = ledger(spark, key)
    assert row["rejected"] == 1
    assert 0 < row["sale"] < 2000
    assert [r["event_id"] for r in stored(spark, "orders", source)][-1] == f"{source}-{row['sale']}"


def test_what_is_no_text_and_what_is_empty_is_accounted_for(spark, lake, source):
    noise = put(lake, f"{source}.bin", bytes(range(256)) * 4)
    empty = put(lake, f"{source}.empty", b"")
    run(spark, lake)
    assert ledger(spark, empty)["landed"] == 0
    row = ledger(spark, noise)
    assert row["landed"] == row["rejected"] > 0


def test_public_lines_without_an_id_are_known_by_content_and_occurrence(spark, lake, source):
    public = f'536365,85123A,"HOLDER, {source}",6,12/1/2010 8:26,2.55,17850,United Kingdom\r\n'.encode()
    a = put(lake, f"{source}-a.csv", public * 2)
    run(spark, lake)
    b = put(lake, f"{source}-b.csv", public * 3)
    run(spark, lake)
    assert ledger(spark, a)["sale"] == 2
    assert (ledger(spark, b)["sale"], ledger(spark, b)["duplicate"]) == (1, 2)


def test_a_line_that_is_not_stored_shows_in_the_ledger(spark, lake, source, monkeypatch):
    """The ledger is counted from what is stored: the first equation is no tautology."""
    key = put(lake, f"{source}.gz", gzip.compress(line(source, 1) + line(source, 2)))
    monkeypatch.setattr(intake, "_once", lambda _lake, _files, _again: ([], Counter()))
    run(spark, lake)
    row = ledger(spark, key)
    assert (row["landed"], row["sale"]) == (2, 0)
    (account,) = (found for found in ledger_accounts([row]) if found.source == source)
    assert account.complaint() == f"{source}: 2 lines landed, but the fates add up to 0"


def test_the_ledger_says_which_sequences_an_object_has(spark, lake, source):
    a = put(lake, f"{source}-a.gz", b"".join(line(source, number) for number in (1, 2, 3, 7)))
    b = put(lake, f"{source}-b.gz", b"".join(line(source, number) for number in (3, 4, 4, 8)))
    run(spark, lake)
    ranges = {row["object"]: [tuple(pair.values()) for pair in row["ranges"]] for row in fates(spark, source)}
    assert ranges == {a: [(1, 3), (7, 7)], b: [(4, 4), (8, 8)]}
