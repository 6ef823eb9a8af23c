"""Where a customer's id stands in S3 and DynamoDB: a search that knows only bytes, and what packs them."""

import base64
import io
import re
import zlib
from contextlib import suppress

import numpy as np
from pyarrow import parquet

from contracts.lists import customer_key


def contents(lake):
    """Every byte of all buckets, with whatever packs it taken off."""
    s3 = lake.shop.s3
    for bucket in (lake.shop.bucket, lake.stack.artifacts, lake.tables_bucket):
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for found in page.get("Contents", ()):
                body = s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read()
                yield from ((found["Key"], form) for form in unpacked(found["Key"], body))


def unpacked(key, body):
    yield key.encode() + body
    if body[:2] == b"\x1f\x8b":
        yield inflated(body)
    if body[:4] == b"PAR1":
        file = parquet.ParquetFile(io.BytesIO(body))
        yield str(file.read().to_pylist()).encode()
        yield str(
            [file.metadata.row_group(n).to_dict() for n in range(file.metadata.num_row_groups)]
        ).encode()
    if body[:2] == b"PK":
        with np.load(io.BytesIO(body)) as held:
            yield str([held[name].tolist() for name in held.files]).encode()
    if body[:4] == b"Obj\x01":
        marker = body[-16:]
        for block in body.split(marker)[1:]:
            for start in range(min(12, len(block))):  # past the two numbers before the packed bytes
                try:
                    yield zlib.decompressobj(-15).decompress(block[start:])
                except zlib.error:
                    continue
    for packed in re.findall(rb'"rawData": "([^"]*)"', body):
        yield base64.b64decode(packed)


def inflated(body):
    """All that its gzip members hold, a damaged one's up to the damage: other tests put such there."""
    found, rest = bytearray(), body
    with suppress(zlib.error):
        while rest:
            member = zlib.decompressobj(31)
            for place in range(0, len(rest), 512):
                found += member.decompress(rest[place : place + 512])
                if member.eof:
                    break
            rest = member.unused_data + rest[place + 512 :]
    return bytes(found)


def holding(lake, customer):
    """The keys that hold the customer's id, or as much of it as Iceberg keeps in a manifest."""
    wanted = customer.encode()[:12]
    found = {key for key, content in contents(lake) if wanted in content}
    if "Item" in lake.shop.dynamodb.get_item(
        TableName=lake.shop.table, Key={"id": {"S": customer_key(customer)}}
    ):
        found.add("the table")
    return found
