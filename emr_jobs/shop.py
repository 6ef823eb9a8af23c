"""Where a shop's versions and publications live."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Shop:
    """The clients, and what to ask them for."""

    s3: Any
    dynamodb: Any
    bucket: str
    table: str

    def object(self, key: str) -> bytes:
        return bytes(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def lines(self, key: str) -> Iterator[dict[str, Any]]:
        """The lines of a publication's part."""
        return map(json.loads, gzip.decompress(self.object(key)).splitlines())

    def listed(self, prefix: str, after: str = "") -> Iterator[dict[str, Any]]:
        """Key, size and time of each object below a prefix."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix, StartAfter=after
        )
        for page in pages:
            yield from page.get("Contents", ())
