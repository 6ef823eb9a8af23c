"""Where order lines land: the streams, and the bucket with all that is made of them."""

from collections.abc import Mapping
from typing import Any

from infra.cost import prices
from infra.cost.plans import Line, Lines, Plans
from infra.cost.prices import GB
from infra.cost.volumes import (
    GZ_LINE_BYTES,
    KEPT_DAYS,
    LAKE_LINE_BYTES,
    LINE_BYTES,
    LINES_PER_ORDER,
    LIST_BYTES,
    MODEL_BYTES,
    MONTH_DAYS,
    MONTH_HOURS,
    PART_BYTES,
    RUN_GETS,
    RUN_PUTS,
    VERSIONS_KEPT,
    Shop,
)

FIREHOSE_STEP = 5 * 1024
MIB = 2**20
SMALLEST_MOVED = 128 * 1024  # bytes; what is smaller S3 leaves where it is


def kinesis(planned: Plans) -> Lines:
    kind = "AWS::Kinesis::Stream"
    volume = planned.shop.lines * LINE_BYTES / GB
    for stream in planned.all(kind):
        if planned.get(stream, "StreamModeDetails", "StreamMode") == "ON_DEMAND":
            yield Line(kind, "the stream", MONTH_HOURS, prices.KINESIS_STREAM_HOUR)
            yield Line(kind, "order lines written", volume, prices.KINESIS_IN_GB)
            yield Line(kind, "order lines read", volume, prices.KINESIS_OUT_GB)
            if kept := _days_kept(planned, stream) - 1:  # the first is in the hour's price
                yield Line(kind, "order lines kept", volume / MONTH_DAYS * kept, prices.KINESIS_KEPT_GB_MONTH)
            continue
        shards = int(planned.get(stream, "ShardCount") or 1)
        yield Line(kind, "the stream's shards", shards * MONTH_HOURS, prices.KINESIS_SHARD_HOUR)
        units = max(planned.shop.records(), planned.shop.lines * LINE_BYTES / (25 * 1024))
        yield Line(kind, "records", units, prices.KINESIS_PUT_UNIT)


def _days_kept(planned: Plans, stream: Mapping[str, Any]) -> float:
    return int(planned.get(stream, "RetentionPeriodHours") or 24) / 24


def firehose(planned: Plans) -> Lines:
    for _ in planned.all("AWS::KinesisFirehose::DeliveryStream"):
        records = planned.shop.records()
        size = planned.shop.lines * LINE_BYTES / records if records else 0
        steps = -(-size // FIREHOSE_STEP)
        amount = records * steps * FIREHOSE_STEP / GB
        yield Line("AWS::KinesisFirehose::DeliveryStream", "order lines taken in", amount, prices.FIREHOSE_GB)


def bucket(planned: Plans) -> Lines:
    kind, shop = "AWS::S3::Bucket", planned.shop
    daily = shop.orders_per_day * LINES_PER_ORDER * GZ_LINE_BYTES / GB
    for made in planned.all(kind):
        standard, rare = _raw_days(planned, made)
        yield Line(kind, "raw order lines, newest", daily * standard, prices.S3_GB_MONTH)
        if rare:
            yield Line(kind, "raw order lines, older", daily * rare, prices.S3_RARE_GB_MONTH)
        yield Line(kind, "the lake's tables", _lake_bytes(shop) / GB, prices.S3_GB_MONTH)
        yield Line(kind, "lists, models, parts", _lists_bytes(shop) / GB, prices.S3_GB_MONTH)
        objects = _objects(planned)
        yield Line(kind, "writes", objects + shop.parts + RUN_PUTS * shop.runs, prices.S3_PUT)
        yield Line(kind, "reads", objects + shop.parts + RUN_GETS * shop.runs, prices.S3_GET)
        if rare:
            yield Line(kind, "objects moved to rare access", objects, prices.S3_MOVE)


def _raw_days(planned: Plans, bucket: Mapping[str, Any]) -> tuple[int, int]:
    """Days of raw lines kept after the first year: in standard, in infrequent access."""
    for rule in planned.get(bucket, "LifecycleConfiguration", "Rules") or ():
        if rule.get("Prefix") == "orders/":
            kept = min(KEPT_DAYS, int(rule.get("ExpirationInDays", KEPT_DAYS)))
            days = [int(each["TransitionInDays"]) for each in rule.get("Transitions", ())]
            moved = min([kept, *days]) if _large(planned) else kept
            return moved, kept - moved
    return KEPT_DAYS, 0


def _large(planned: Plans) -> bool:
    """Whether an object of raw lines is large enough for S3 to move it."""
    return planned.shop.lines * GZ_LINE_BYTES >= SMALLEST_MOVED * _objects(planned)


def _lake_bytes(shop: Shop) -> float:
    return KEPT_DAYS * shop.orders_per_day * LINES_PER_ORDER * LAKE_LINE_BYTES


def _lists_bytes(shop: Shop) -> float:
    versions = VERSIONS_KEPT * shop.customers * (LIST_BYTES + MODEL_BYTES)
    return versions + KEPT_DAYS * 24 * shop.customers * shop.changed * PART_BYTES


def _objects(planned: Plans) -> float:
    hints = planned.all("AWS::KinesisFirehose::DeliveryStream")[0]["ExtendedS3DestinationConfiguration"]
    seconds = int(planned.get(hints, "BufferingHints", "IntervalInSeconds"))
    return planned.shop.objects(seconds, int(planned.get(hints, "BufferingHints", "SizeInMBs")) * MIB)
