"""The ledger: which objects are wholly accounted for, and every line of them by fate. Called by ingest.

What landed is counted as it was read, what was accepted or refused as the files in S3 hold it: a difference
between the two is what `cadabra status` is there to find.
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from contracts.order_line import Fate
from emr_jobs.lake import data_files, event_ids, iceberg, sequences, tables
from emr_jobs.lake.data_files import DataFile, DayFiles, Layout
from emr_jobs.lake.doubles import Doubles
from emr_jobs.lake.order_rows import CONTENT_SOURCE
from emr_jobs.lake.sequences import Ranges
from emr_jobs.lake.staging import ObjectAccount, SourceAccount

_SEQUENCES = [  # leaves of the column sources
    "sources.list.element.source",
    "sources.list.element.ranges.list.element.first",
    "sources.list.element.ranges.list.element.last",
]
Stored = Counter[tuple[str, str, str]]  # lines by object, source and fate


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the ledger has, as a run needs it; read once."""

    pieces: list[pa.Table]

    @classmethod
    def read(cls, spark: SparkSession, s3: Any, layout: Layout) -> "Ledger":
        return cls(iceberg.read(spark, s3, layout, ["object", "etag", "ingested", *_SEQUENCES]))

    def etags(self) -> dict[str, str]:
        """Of every object that is accounted for."""
        pairs = (
            zip(piece["object"].to_pylist(), piece["etag"].to_pylist(), strict=True) for piece in self.pieces
        )
        return dict(itertools.chain.from_iterable(pairs))

    def newest_run(self) -> datetime | None:
        """When the last object was accounted for; None where the ledger is empty."""
        found = [pc.max(piece["ingested"]).as_py() for piece in self.pieces]
        return max(found).astimezone(UTC) if found else None

    def sequences(self) -> dict[str, Ranges]:
        """What is stored of each source."""
        found: defaultdict[str, list[Ranges]] = defaultdict(list)
        for piece in self.pieces:
            sources = pc.list_flatten(piece["sources"]).combine_chunks()
            ranges = sources.field("ranges")
            pairs = ranges.flatten()
            flat = np.stack([np.asarray(pairs.field("first")), np.asarray(pairs.field("last"))], axis=1)
            names = sources.field("source").take(pc.list_parent_indices(ranges)).dictionary_encode()
            codes = np.asarray(names.indices)
            for code, name in enumerate(names.dictionary.to_pylist()):
                found[name].append(flat[codes == code])
        return {name: sequences.union(ranges) for name, ranges in found.items()}


def stored_contents(spark: SparkSession, days: Iterable[str]) -> list[str]:
    """The ids of lines that came without one, of the orders of these days."""
    orders = spark.table(tables.full_name("orders")).where(F.col("event_id").startswith(CONTENT_SOURCE))
    ids: list[str] = orders.where(_within(days)).select("event_id").toArrow()["event_id"].to_pylist()
    return ids


def _within(days: Iterable[str]) -> str:
    """These days of `time` as SQL: literals, so that only their files are read."""
    each = (
        f"(time >= TIMESTAMP'{day} 00:00:00' AND time < TIMESTAMP'{day} 00:00:00' + INTERVAL 1 DAY)"
        for day in sorted(days)
    )
    return " OR ".join(each) or "false"


def count_stored(s3: Any, layout: Layout, file: DataFile) -> Stored:
    """The lines of a data file as S3 has it; runs in a task."""
    columns = ["object", "event_id", *(["fate"] if layout.table == "orders" else [])]
    rows = data_files.read(s3, layout, file.key, columns)
    counts = Stored()
    for source, own, _ in event_ids.by_source(rows["event_id"].combine_chunks()):
        groups = rows.take(pa.array(own)).group_by([name for name in columns if name != "event_id"])
        for found in groups.aggregate([([], "count_all")]).to_pylist():
            counts[found["object"], source, found.get("fate", Fate.REJECTED)] += found["count_all"]
    return counts


def rows(
    accounts: Iterable[ObjectAccount],
    stored: Stored,
    dropped: Counter[tuple[str, str]],
    doubles: Mapping[str, Doubles],
    run: int,
) -> list[dict[str, Any]]:
    """One for each object. `dropped` counts the doubles taken out of its files, by object and source."""
    by_object: defaultdict[str, defaultdict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for (key, source, fate), lines in stored.items():
        by_object[key][source][fate] += lines
    now = datetime.now(UTC)
    return [
        _row(account, by_object[account.found.key], dropped, doubles.get(account.found.key, Doubles()))
        | {"run": run, "ingested": now}
        for account in accounts
    ]


def _row(
    account: ObjectAccount,
    stored: Mapping[str, Counter[str]],
    dropped: Counter[tuple[str, str]],
    doubles: Doubles,
) -> dict[str, Any]:
    found, total, sources = account.found, Counter[str](), []
    for source, counted in sorted(account.sources.items()):
        anothers = doubles.ranges.get(source, sequences.NONE)
        own, again = (
            sequences.difference(counted.ranges, anothers),
            sequences.intersection(counted.erased, anothers),
        )
        counts = stored[source] + Counter(
            {
                "landed": counted.landed,
                Fate.DUPLICATE: counted.duplicates + dropped[found.key, source] + sequences.size(again),
                Fate.ERASED: _erased(counted) - sequences.size(again),
            }
        )
        total.update(counts)
        sources.append(
            {"source": source, "last": counted.last, "ranges": sequences.plain(own)} | _lines(counts)
        )
    place = {"object": found.key, "etag": found.etag, "bytes": found.bytes, "arrived": found.arrived}
    return place | _lines(total) | {"sources": sources}


def _erased(counted: SourceAccount) -> int:
    return sequences.size(counted.erased) + counted.erased_without_id


def _lines(counted: Counter[str]) -> dict[str, int]:
    return {name: counted[name] for name in ("landed", *Fate)}


def files(s3: Any, layout: Layout, rows: list[dict[str, Any]], name: str) -> list[DataFile]:
    """The ledger's rows as data files."""
    written = DayFiles(layout, name)
    written.add(pa.RecordBatch.from_pylist(rows, schema=layout.schema))
    return list(written.put(s3))


def fates(rows: Iterable[Mapping[str, Any]]) -> Counter[str]:
    total = Counter[str]()
    for row in rows:
        total.update(_lines(Counter(row)))
    del total["landed"]
    return total
