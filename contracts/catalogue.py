"""What the shop sells: the one source of names and of what is for sale.

The shop writes the file, the publisher carries it to DynamoDB, the lookup reads it there.
"""

import csv
import io
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
    for row in rows:
        yield _item(row, rows.line_num)


def _item(row: list[str], number: int) -> CatalogueItem:
    try:
        code, name, price, for_sale = row
        return CatalogueItem(normal_code(code), name, Decimal(price), _TRUTHS[for_sale.lower()])
    except (ValueError, KeyError, InvalidOperation) as error:
        raise CatalogueError(f"catalogue line {number}: {row!r} is no item") from error
