"""What a shop of this size moves in a month: lines, bytes, items, runs. Each size says where it is from."""

from dataclasses import dataclass

MONTH_DAYS = 30
MONTH_HOURS = 24 * MONTH_DAYS
MONTH_SECONDS = 3600 * MONTH_HOURS
KEPT_DAYS = 365  # storage is priced as it is after the first year

# Measured with 100,000 lines of `cadabra generate --weeks 10`, and what a demo made of them (2026-11-21).
LINES_PER_ORDER = 6.9
LINE_BYTES = 112
GZ_LINE_BYTES = 25  # 21 in objects of 10,000 lines, 31 in those of 60
LAKE_LINE_BYTES = 27  # in Parquet, metadata and snapshots of a week included
LIST_BYTES = 130  # of a customer, in a version's Parquet
MODEL_BYTES = 460  # of a customer, in a version's factors; the items' share included
PART_BYTES = 130  # of an item, in a publication's part
ITEM_BYTES = 680  # in DynamoDB: one write unit (python -m bench.publish)

RECORD_BYTES = 1_024_000  # firehose/agent.json: aggregatedRecordSizeBytes
FLUSH_SECONDS = 10  # and maxBufferAgeMillis
VERSIONS_KEPT = 48 + 30  # the newest, and the last of each day for a month
PART_ITEMS = 1000
LOOKUPS_PER_ORDER = 20  # pages with a list that are shown for each order
ANSWER_BYTES = 1500  # a lookup's, twenty items with their reasons

# Counted: 128 PUTs and LISTs, 332 GETs in a run with 20,000 lines, 81 and 221 in one without; EMR's logs too.
RUN_PUTS, RUN_GETS = 150, 400
# Of the Lambdas: rough, and small in the sum.
START_SECONDS, PART_SECONDS, LOOKUP_SECONDS = 5, 3, 0.015
INVOCATION_LOG_BYTES = 400
OWN_METRICS = 7 + 1  # the agent's (docs/operations.md), and the lists' age
METRIC_PUTS = MONTH_SECONDS // 30 + MONTH_HOURS  # the agent's, every thirty seconds, and start_retrain's
QUEUE_POLLS = 5 * MONTH_SECONDS // 20  # Lambda asks with five connections, twenty seconds each


@dataclass(frozen=True)
class Shop:
    orders_per_day: int
    customers: int
    changed: float = 0.05  # of the customers, the share whose list differs after an hour
    run_minutes: float = 20  # a cluster's life: some six until it is up, then the steps
    lookups_per_day: int | None = None

    @property
    def lines(self) -> float:
        return self.orders_per_day * LINES_PER_ORDER * MONTH_DAYS

    @property
    def runs(self) -> int:
        return MONTH_HOURS

    @property
    def cluster_hours(self) -> float:
        return self.runs * self.run_minutes / 60

    @property
    def items_written(self) -> float:
        return self.customers * self.changed * self.runs

    @property
    def parts(self) -> float:
        """At least one in each run that changed anything."""
        return max(self.items_written / PART_ITEMS, min(self.runs, self.items_written))

    @property
    def lookups(self) -> float:
        daily = self.lookups_per_day
        return MONTH_DAYS * (LOOKUPS_PER_ORDER * self.orders_per_day if daily is None else daily)

    def records(self) -> float:
        """Of packed lines: full ones, or whatever came within the agent's patience."""
        patient = min(self.lines, MONTH_SECONDS / FLUSH_SECONDS)
        return max(self.lines * LINE_BYTES / RECORD_BYTES, patient)

    def objects(self, buffer_seconds: int, buffer_bytes: int) -> float:
        """That Firehose writes: full ones, or one for each interval in which anything came."""
        patient = min(self.lines, MONTH_SECONDS / max(1, buffer_seconds))
        return max(self.lines * LINE_BYTES / buffer_bytes, patient)
