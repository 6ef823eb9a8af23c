"""The tables of the lake: columns in order, grain and invariant. No column is ever null.

Derived from contracts.order_line; a test holds the two equal.
"""

from contracts.order_line import FIELDS, PRICE_DIGITS, Fate

DATABASE = "cadabra"
CATALOG = "lake"  # the Spark catalog's name; in Glue and Athena the database is enough

_ORDER_TYPES = {
    "quantity": "int",
    "time": "timestamp",
    "unit_price": "decimal({}, {})".format(*PRICE_DIGITS),
}

# Grain: one order line that was accepted (sale, return, fee or guest). event_id is unique. customer is empty
# for a guest. (object, line) is where the stored copy landed; line counts from 1.
ORDERS = {name: _ORDER_TYPES.get(name, "string") for name in FIELDS} | {
    "fate": "string",
    "object": "string",
    "line": "int",
}

# Grain: one landed line that is no order line. (object, line) is unique, and so is event_id where it is not
# empty.
REJECTS = {
    "object": "string",
    "line": "int",
    "reason": "string",
    "detail": "string",
    "event_id": "string",
    "raw": "binary",
    "arrived": "timestamp",
}

# Grain: one object that is wholly accounted for; the row is written last. landed = the sum of the fates, here
# and within each source. A source's ranges are the sequences that the object has and no other: a line that
# lands with one of them again is a duplicate. They start at 1: what no object has up to the last is missing.
_COUNTS = {"landed": "bigint"} | {fate.value: "bigint" for fate in Fate}
LEDGER = {
    "object": "string",
    "etag": "string",
    "bytes": "bigint",
    "arrived": "timestamp",
    **_COUNTS,
    "sources": "array<struct<source: string, last: bigint, "
    "ranges: array<struct<first: bigint, last: bigint>>, "
    + ", ".join(f"`{name}`: {kind}" for name, kind in _COUNTS.items())
    + ">>",
    "run": "bigint",
    "ingested": "timestamp",
}

PARTITIONS = {"orders": "days(time)", "rejects": "days(arrived)", "ledger": "days(arrived)"}
# Columns whose lowest and highest values stay out of Iceberg's manifests: a customer would stand in them.
UNNAMED = {"orders": ("customer",), "rejects": ("raw", "detail")}
TABLES = {"orders": ORDERS, "rejects": REJECTS, "ledger": LEDGER}


def full_name(table: str) -> str:
    return f"{CATALOG}.{DATABASE}.{table}"


def create_statement(table: str) -> str:
    columns = ", ".join(f"`{name}` {kind} NOT NULL" for name, kind in TABLES[table].items())
    unnamed = (f"write.metadata.metrics.column.{name}" for name in UNNAMED.get(table, ()))
    named = {"format-version": "2"} | dict.fromkeys(unnamed, "counts")
    properties = ", ".join(f"'{name}' = '{value}'" for name, value in named.items())
    return (
        f"CREATE TABLE IF NOT EXISTS {full_name(table)} ({columns}) USING iceberg "
        f"PARTITIONED BY ({PARTITIONS[table]}) TBLPROPERTIES ({properties})"
    )
