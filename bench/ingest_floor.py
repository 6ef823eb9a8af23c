"""What ingest is measured against: the least that any program must do with the same objects, and one parser.

The floor unpacks each object, splits it into lines, has pyarrow read them as CSV and writes Parquet to this
disk: one process for each core, no S3, no table, nothing judged.
"""

import gzip
import multiprocessing
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
from pyarrow import csv, parquet

from bench.usage import Usage, measured
from contracts.order_line import FIELDS, RefusedLineError, fate_of, parse_line
from emr_jobs.lake.objects import RawObject, blocks
from emr_jobs.lake.order_rows import landed_rows


def floor(objects: Sequence[Path]) -> Usage:
    cores = len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(cores, multiprocessing.get_context("spawn")) as pool:
        list(pool.map(_ready, range(cores)))
        with measured() as used:
            list(pool.map(_to_parquet, objects))
    return used


def _ready(_: int) -> None:
    """A process that has this module has its imports."""
    time.sleep(0.1)  # so that each core's process takes one


def _to_parquet(packed: Path) -> None:
    lines = gzip.decompress(packed.read_bytes()).splitlines(keepends=True)
    good = b"".join(line for line in lines if line.count(b'"') % 2 == 0)  # an odd quote swallows what follows
    table = csv.read_csv(
        pa.BufferReader(good),
        csv.ReadOptions(use_threads=False, column_names=list(FIELDS)),
        csv.ParseOptions(invalid_row_handler=lambda _: "skip"),
        csv.ConvertOptions(column_types=dict.fromkeys(FIELDS, pa.string()), check_utf8=False),
    )
    parquet.write_table(table, packed.with_suffix(".parquet"), compression="zstd")


def parse(lines: Sequence[bytes]) -> None:
    """Lines a CPU-second to rows, and by the contract alone to order lines."""
    began = time.process_time()
    accepted = sum(map(_accepted_by_contract, lines))
    alone = len(lines) / (time.process_time() - began)
    now = datetime.now(UTC)
    found = RawObject("orders/bench", "", 0, now, now)
    began = time.process_time()
    batches = landed_rows(found, blocks([b"".join(lines)]), UTC)
    assert accepted == sum(batch["reason"].null_count for batch in batches)
    rate = len(lines) / (time.process_time() - began)
    print(f"parse: {rate:,.0f} lines/CPU-s to rows, {rate / alone:.1f} x parse_line's {alone:,.0f}")


def _accepted_by_contract(raw: bytes) -> bool:
    try:
        return bool(fate_of(parse_line(raw)))
    except RefusedLineError:
        return False
