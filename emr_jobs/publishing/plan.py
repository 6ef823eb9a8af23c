"""What a publication has to write: the difference between two versions, in parts of bounded size."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from contracts.publications import Publication
from contracts.s3_layout import Version
from emr_jobs.lists import export
from emr_jobs.lists.export import ExportMissingError
from emr_jobs.publishing.doubt import all_served, doubtful
from emr_jobs.shop import Shop

PART_ITEMS = 1_000  # the publisher writes so many well within its time
PART_BYTES = 1_000_000  # of JSON


@dataclass(frozen=True, slots=True)
class Plan:
    """The parts in their order, at least one; each a JSON object a line."""

    parts: tuple[bytes, ...]
    unread: str = ""  # why the live version's lists could not be compared: then every item is written

    @property
    def items(self) -> int:
        return sum(part.count(b"\n") for part in self.parts)

    @property
    def digest(self) -> str:
        return hashlib.sha256(b"\0".join(self.parts)).hexdigest()


def plan(shop: Shop, version: Version, found: Publication | None, *, full: bool, but: int = 0) -> Plan:
    """What turns the table as it is served into `version`; `but` is the publication it belongs to already."""
    new = export.read(shop.s3, shop.bucket, version)
    live, unread = _live(shop, found)
    keys = all_served(shop) if unread else doubtful(shop, found.live_number if found else 0, but)
    if full:
        keys |= set(new["key"].to_pylist())
    changed, removed = export.difference(new, live, keys)
    return Plan(tuple(in_parts(map(_line, export.plain(changed, removed, version)))), unread)


def _live(shop: Shop, found: Publication | None) -> tuple[pa.Table, str]:
    """What is served, or nothing and why it is not known."""
    if found is None or not found.live_version:
        return export.empty(), ""
    try:
        return export.read(shop.s3, shop.bucket, Version.parse(found.live_version)), ""
    except ExportMissingError as error:
        return export.empty(), str(error)


def in_parts(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The lines in pieces of bounded length; at least one, if empty."""
    part: list[bytes] = []
    size, made = 0, 0
    for line in lines:
        if part and (len(part) == PART_ITEMS or size + len(line) > PART_BYTES):
            yield b"".join(part)
            part, size, made = [], 0, made + 1
        part.append(line)
        size += len(line)
    if part or not made:
        yield b"".join(part)


def _line(plain: dict[str, Any]) -> bytes:
    return json.dumps(plain, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
