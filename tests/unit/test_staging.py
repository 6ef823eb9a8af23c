"""Objects become data files and accounts; what landed twice is stored once. No Spark, no S3."""

import gzip
import io
import json
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from contracts.order_line import Fate, OrderLine, format_line
from emr_jobs.lake import accounts, data_files, doubles, sequences, staging, tables
from emr_jobs.lake.data_files import Layout
from emr_jobs.lake.objects import RawObject

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
_TYPES = {"timestamp": "timestamptz", "bigint": "long"}


class Store(dict):
    """What these steps need of S3."""

    def put_object(self, Bucket, Key, Body):  # noqa: ARG002, N803 (boto3's names)
        self[Key] = Body

    def get_object(self, Bucket, Key):  # noqa: ARG002, N803
        return {"Body": io.BytesIO(self[Key])}


def layout(table, partition, time):
    columns = [
        {"id": number, "name": name, "required": True, "type": _TYPES.get(kind, kind)}
        for number, (name, kind) in enumerate(tables.TABLES[table].items(), start=1)
    ]
    return Layout(table, "b", f"lake/{table}/data/", partition, time, json.dumps({"fields": columns}))


LAYOUTS = {
    "orders": layout("orders", "time_day", "time"),
    "rejects": layout("rejects", "arrived_day", "arrived"),
}


def line(event_id, day=19, **changes):
    values = {
        "invoice": "500001",
        "stock_code": "10001",
        "description": "Lamp, small",
        "quantity": 2,
        "time": datetime(2026, 11, day, 9, tzinfo=UTC),
        "unit_price": Decimal("2.50"),
        "customer": "c1",
        "country": "France",
        "event_id": event_id,
    }
    return format_line(OrderLine(**values | changes))


def bad(event_id):
    return b"500003,10001,x,many,2026-01-01,1.0,c1,France,%s\n" % event_id.encode()


def staged(store, *contents):
    found = [RawObject(f"orders/{number}", "", 1, NOW, NOW) for number in range(len(contents))]
    return staging.stage(
        store,
        lambda key: [contents[int(key.rpartition("/")[2])]],
        found,
        LAYOUTS,
        ZoneInfo("UTC"),
        "test",
    )


def rows(store, files):
    return [
        row for file in files for row in parquet.ParquetFile(io.BytesIO(store[file.key])).read().to_pylist()
    ]


def test_a_file_for_each_table_and_day_is_written():
    store = Store()
    files = staged(store, line("s-1", day=18) + line("s-2") + bad("s-3") + line("s-4")).files
    assert {(file.table, file.partition): file.rows for file in files} == {
        ("orders", "time_day=2026-11-18"): 1,
        ("orders", "time_day=2026-11-19"): 2,
        ("rejects", "arrived_day=2026-11-20"): 1,
    }
    assert set(store) == {file.key for file in files}
    assert all(file.bytes == len(store[file.key]) for file in files)


def test_a_file_has_the_tables_columns_with_icebergs_ids_and_no_nulls():
    store = Store()
    (file,) = staged(store, line("s-1")).files
    schema = parquet.ParquetFile(io.BytesIO(store[file.key])).schema_arrow
    assert schema.names == list(tables.ORDERS)
    assert [int(field.metadata[b"PARQUET:field_id"]) for field in schema] == list(range(1, len(schema) + 1))
    assert not any(field.nullable for field in schema)


def test_a_task_that_runs_again_writes_the_same_files():
    once, again = Store(), Store()
    content = gzip.compress(b"".join(line(f"s-{number}") for number in range(1, 50)))
    staged(once, content)
    staged(again, content)
    assert once == again


def test_many_rows_of_a_day_make_several_row_groups_of_one_file(monkeypatch):
    monkeypatch.setattr(data_files, "GROUP_ROWS", 10)
    store = Store()
    contents = [b"".join(line(f"s-{place * 7 + n}") for n in range(1, 8)) for place in range(4)]
    (file,) = staged(store, *contents).files
    assert file.rows == 28
    assert parquet.ParquetFile(io.BytesIO(store[file.key])).num_row_groups > 1
    assert file.objects == tuple(f"orders/{number}" for number in range(4))


def test_the_account_says_what_landed_of_each_source():
    (account,) = staged(Store(), line("s-1") + line("t-5") + line("s-2") + line("s-2") + b"x\n").objects
    assert {
        name: (found.landed, found.duplicates, found.last) for name, found in account.sources.items()
    } == {
        "s": (3, 1, 2),
        "t": (1, 0, 5),
        "": (1, 0, 0),
    }


events = st.tuples(st.sampled_from("st"), st.integers(1, 12), st.booleans())
objects = st.lists(st.lists(events, max_size=8), min_size=1, max_size=5)


@settings(deadline=None)
@given(objects, st.sets(st.integers(1, 12)))
def test_every_id_is_stored_once_by_the_first_that_has_it_and_all_is_counted(contents, stored_before):
    """Against the plain way: a set of what was seen, line after line."""
    store = Store()
    raw = [b"".join((line if good else bad)(f"{s}-{n}") for s, n, good in content) for content in contents]
    found = staged(store, *raw)
    before = {"s": sequences.of(np.array(sorted(stored_before), np.int64))}
    again = doubles.find(found.objects, before, ())
    dropped = [doubles.drop(store, LAYOUTS[file.table], file, again) for file in found.files]
    kept = [one.successor for one in dropped if one.successor]
    counts = sum((one.rows for one in dropped), Counter())
    counted = Counter()
    for file in kept:
        counted += accounts.count_stored(store, LAYOUTS[file.table], file)
    ledger = accounts.rows(found.objects, counted, counts, again, 1)

    seen, expected, fates = {("s", number) for number in stored_before}, [], []
    for place, content in enumerate(contents):
        fate = Counter(landed=len(content))
        for number, (source, sequence, good) in enumerate(content, start=1):
            if (source, sequence) in seen:
                fate["duplicate"] += 1
                continue
            seen.add((source, sequence))
            fate["sale" if good else "rejected"] += 1
            expected.append((f"{source}-{sequence}", f"orders/{place}", number))
        fates.append(fate)
    assert sorted((row["event_id"], row["object"], row["line"]) for row in rows(store, kept)) == sorted(
        expected
    )
    assert [Counter({name: row[name] for name in ("landed", *Fate)}) for row in ledger] == fates
    owned = [
        sum(pair["last"] - pair["first"] + 1 for source in row["sources"] for pair in source["ranges"])
        for row in ledger
    ]
    assert owned == [fate["landed"] - fate["duplicate"] for fate in fates]


@pytest.mark.parametrize("times", [1, 2])
def test_taking_doubles_out_again_changes_nothing(times):
    """A Spark task may run twice."""
    store = Store()
    found = staged(store, line("s-1") + line("s-2"), line("s-2") + line("s-3"))
    again = doubles.find(found.objects, {}, ())
    for _ in range(times):
        dropped = [doubles.drop(store, LAYOUTS[file.table], file, again) for file in found.files]
    assert sum((one.rows for one in dropped), Counter()) == {("orders/1", "s"): 1}
    assert len(rows(store, [one.successor for one in dropped])) == 3


def test_a_file_of_doubles_alone_has_no_successor():
    store = Store()
    found = staged(store, line("s-1"))
    again = doubles.find(found.objects, {"s": sequences.of(np.array([1]))}, ())
    assert doubles.drop(store, LAYOUTS["orders"], found.files[0], again).successor is None
