"""Hours that take a run more than one commit, written down in S3 until all of them are in. Used by ingest.

Without it a run killed half-way would leave hours that the next one, looking back from the last commit, never
asks for.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts.s3_layout import INGEST_UNDERTAKING


@dataclass(frozen=True, slots=True)
class Undertaking:
    first: datetime
    last: datetime
    anew: bool = False  # what the lake has of these hours is forgotten first


def pending(s3: Any, bucket: str) -> Undertaking | None:
    try:
        found = json.loads(s3.get_object(Bucket=bucket, Key=INGEST_UNDERTAKING)["Body"].read())
    except s3.exceptions.NoSuchKey:
        return None
    first, last = (datetime.fromisoformat(found[name]) for name in ("first", "last"))
    return Undertaking(first, last, found["anew"])


def begin(s3: Any, bucket: str, undertaking: Undertaking) -> None:
    body = {
        "first": undertaking.first.isoformat(),
        "last": undertaking.last.isoformat(),
        "anew": undertaking.anew,
    }
    s3.put_object(Bucket=bucket, Key=INGEST_UNDERTAKING, Body=json.dumps(body).encode())


def end(s3: Any, bucket: str) -> None:
    s3.delete_object(Bucket=bucket, Key=INGEST_UNDERTAKING)
