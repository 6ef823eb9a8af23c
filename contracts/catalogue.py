"""What the shop sells: the one source of names and of what is for sale.

The shop writes the file, the publisher carries it to DynamoDB, the lookup reads it there.
"""

import base64
import csv
import io
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation

from contracts.order_line import normal_code

_TRUTHS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class CatalogueItem:
    code: str
    name: str
    unit_price: Decimal
    for_sale: bool


CATALOGUE_FIELDS = tuple(field.name for field in fields(CatalogueItem))


class CatalogueError(ValueError):
    """The catalogue file is not one; the message names the line."""


def format_catalogue(items: Iterable[CatalogueItem]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CATALOGUE_FIELDS)
    for item in items:
        for_sale = "true" if item.for_sale else "false"
        writer.writerow((item.code, item.name, format(item.unit_price, "f"), for_sale))
    return text.getvalue().encode()


def parse_catalogue(raw: bytes) -> Iterator[CatalogueItem]:
    """Every item of the file; raises CatalogueError at the first line that is none."""
    rows = csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""))
    header = next(rows, [])
    if tuple(header) != CATALOGUE_FIELDS:
        raise CatalogueError(f"catalogue line 1: {header!r} is not the header {','.join(CATALOGUE_FIELDS)}")
    seen: set[str] = set()
    for row in filter(None, rows):
        item = _item(row, rows.line_num)
        if item.code in seen:
            raise CatalogueError(f"catalogue line {rows.line_num}: {item.code} stands in it twice")
        seen.add(item.code)
        yield item


def pack_codes(codes: Iterable[str]) -> str:
    """Many codes as one short text: 50,000 of them stay below DynamoDB's 400 KB an item."""
    return base64.b64encode(zlib.compress("\n".join(sorted(codes)).encode(), 9)).decode()


def unpack_codes(text: str) -> frozenset[str]:
    return frozenset(zlib.decompress(base64.b64decode(text)).decode().split("\n")) - {""}


def _item(row: list[str], number: int) -> CatalogueItem:
    try:
        code, name, price, for_sale = row
        if not Decimal(price).is_finite():
            raise ValueError(price)  # noqa: TRY301 (one message for all that is wrong with a row)
        return CatalogueItem(normal_code(code), name, Decimal(price), _TRUTHS[for_sale.lower()])
    except (ValueError, KeyError, InvalidOperation) as error:
        raise CatalogueError(f"catalogue line {number}: {row!r} is no item") from error
