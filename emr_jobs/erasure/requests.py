"""Which erasures are asked for, as S3 has them, and the receipts of those that are done."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from contracts.erasure import Request
from contracts.s3_layout import ERASURE_REQUESTS, receipt_key

DAMAGED = "damaged_objects"  # of the raw ones: read up to the damage, and what follows it nobody can read
# What an erasure leaves, told in each receipt.
REMAINS = (
    "event ids and counts of the erased lines: they name nobody, and the ledger adds up by them",
    "item factors, item lists, the ranker and the model cards: sums over all customers",
    "the shop's own log files and the agent's quarantine, on the shop's host: erase them there",
    "what Firehose or the agent has not delivered yet: it is erased as it lands",
    "copies made outside this bucket: DynamoDB and S3 backups, older object versions where versioning is on",
)


def pending(s3: Any, bucket: str) -> list[Request]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=ERASURE_REQUESTS)
    keys = [found["Key"] for page in pages for found in page.get("Contents", ())]
    return [Request(**json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())) for key in keys]


def note(s3: Any, bucket: str, request: Request, found: Mapping[str, int]) -> Request:
    """Before anything is removed: a run that is killed half-way would find less the next time."""
    most = {place: max(count, request.found.get(place, 0)) for place, count in found.items()}
    noted = replace(request, found=request.found | most)
    s3.put_object(Bucket=bucket, Key=noted.key, Body=json.dumps(asdict(noted)).encode())
    return noted


def finish(s3: Any, bucket: str, request: Request, run: int) -> str:
    """The receipt, and then no request any more; the answer is the receipt's key."""
    removed = {place: count for place, count in request.found.items() if place != DAMAGED}
    receipt = {
        "customer": request.hash,
        "asked": request.asked,
        "done": datetime.now(UTC).isoformat(timespec="seconds"),
        "run": run,
        "removed": removed,
        DAMAGED: request.found.get(DAMAGED, 0),
        "remains": REMAINS,
    }
    key = receipt_key(request.hash, datetime.fromisoformat(request.asked))
    body = json.dumps(receipt, indent=2).encode()
    s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")
    s3.delete_object(Bucket=bucket, Key=request.key)
    return key
