"""One line of the shop's order log: its fields, how it is written and read, and which fate it has.

The log generator writes it, ingest reads it; nothing in between looks inside.
"""

import csv
import io
import re
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from enum import StrEnum

MAX_LINE_BYTES = 64 * 1024  # a line beyond this is no order: rejected with its first bytes
FUTURE_ALLOWANCE = timedelta(minutes=10)  # clocks of shop and cloud differ by less
MAX_QUANTITY = 10**9  # fits an int32; the largest real line known is 80,995 units
PRICE_DIGITS = (14, 4)  # precision and scale of unit_price, here and in the lake

ERASED = "ERASED"  # the invoice of an erased line's mark; but for the event id its other fields are empty
PRODUCT_CODE = re.compile(r"[0-9]{5}[A-Z]*|DCGS[0-9A-Z]+")  # anything else on an invoice is a fee
_CUSTOMER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:+-]{0,63}")
_EVENT_ID = re.compile(r"([A-Za-z0-9][A-Za-z0-9._:-]{0,99})-([1-9][0-9]{0,14})")
_INTEGER = re.compile(r"[+-]?[0-9]{1,10}")
_PRICE = re.compile(r"[+-]?[0-9]{1,10}(\.[0-9]{1,4})?")


class Fate(StrEnum):
    """What becomes of a landed line; each has exactly one."""

    SALE = "sale"
    RETURN = "return"
    FEE = "fee"
    GUEST = "guest"
    DUPLICATE = "duplicate"
    ERASED = "erased"
    REJECTED = "rejected"


class Reason(StrEnum):
    """Why a line is rejected."""

    NOT_UTF8 = "not_utf8"
    COLUMNS = "columns"
    HEADER = "header"
    INVOICE = "invoice"
    STOCK_CODE = "stock_code"
    QUANTITY = "quantity"
    TIME = "time"
    UNIT_PRICE = "unit_price"
    CUSTOMER = "customer"
    EVENT_ID = "event_id"
    FUTURE = "future"
    TOO_LONG = "too_long"
    CUT_SHORT = "cut_short"


class RefusedLineError(ValueError):
    """The line is no order line; `reason` is what its reject row says."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


class ErasedLineError(ValueError):
    """The line was erased: a mark stands in its place, neither an order nor a reject."""

    def __init__(self, event_id: str) -> None:
        super().__init__(f"{event_id or 'a line without an id'}: erased")
        self.event_id = event_id


@dataclass(frozen=True, slots=True)
class OrderLine:
    invoice: str
    stock_code: str  # trimmed, upper case
    description: str
    quantity: int  # never 0; negative for what came back
    time: datetime  # UTC, whole seconds
    unit_price: Decimal
    customer: str  # empty for a guest
    country: str
    event_id: str  # <source>-<sequence>; empty in the public Online Retail file's eight fields


FIELDS = tuple(field.name for field in fields(OrderLine))
PUBLIC_FIELDS = FIELDS[:-1]  # the public Online Retail file has no event_id


def format_line(line: OrderLine) -> bytes:
    """RFC 4180, UTF-8, one newline at the end; a field with a line break is refused."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(
        (
            line.invoice,
            line.stock_code,
            line.description,
            line.quantity,
            line.time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            format(line.unit_price, "f"),
            line.customer,
            line.country,
            line.event_id,
        )
    )
    raw = text.getvalue().encode()
    if raw.count(b"\n") != 1 or b"\r" in raw:
        raise ValueError(f"{line.event_id}: a line break inside an order line would make two of it")
    return raw


def parse_line(raw: bytes, *, shop_zone: tzinfo = UTC) -> OrderLine:
    """Read one line without its newline. Times without a zone are the shop's.

    Raises RefusedLineError, and ErasedLineError for the mark of an erased line (contracts/erasure.py).
    """
    values = _columns(raw)
    if values[0] == ERASED and not any(values[1:-1]) and len(values) == len(FIELDS):
        raise ErasedLineError(values[-1] if _EVENT_ID.fullmatch(values[-1]) else "")
    invoice, code, description, quantity, time, price, customer, country = values[:8]
    event_id = values[8].strip() if len(values) > len(PUBLIC_FIELDS) else ""
    if len(values) > len(PUBLIC_FIELDS) and not _EVENT_ID.fullmatch(event_id):
        raise RefusedLineError(Reason.EVENT_ID, f"{event_id!r} is not <source>-<sequence>")
    if not invoice.strip():
        raise RefusedLineError(Reason.INVOICE, "the invoice is empty")
    if not (stock_code := normal_code(code)):
        raise RefusedLineError(Reason.STOCK_CODE, "the stock code is empty")
    return OrderLine(
        invoice=invoice.strip().upper(),
        stock_code=stock_code,
        description=description.strip(),
        quantity=_quantity(quantity.strip()),
        time=parse_time(time.strip(), shop_zone),
        unit_price=_price(price.strip()),
        customer=_customer(customer.strip()),
        country=country.strip(),
        event_id=event_id,
    )


def fate_of(line: OrderLine) -> Fate:
    """The fate of a line that was parsed and is no duplicate."""
    if not PRODUCT_CODE.fullmatch(line.stock_code):
        return Fate.FEE
    if line.quantity < 0 or line.invoice.startswith("C"):
        return Fate.RETURN
    return Fate.SALE if line.customer else Fate.GUEST


def refuse_future(line: OrderLine, arrived: datetime) -> None:
    """An order cannot be younger than its arrival, but for the difference of two clocks."""
    if line.time > arrived + FUTURE_ALLOWANCE:
        raise RefusedLineError(Reason.FUTURE, f"{line.time:%Y-%m-%dT%H:%M:%SZ} is after its arrival")


def normal_code(code: str) -> str:
    return code.strip().upper()


def split_event_id(event_id: str) -> tuple[str, int] | None:
    """The source and the sequence, or None where it is no event id."""
    match = _EVENT_ID.fullmatch(event_id)
    return (match[1], int(match[2])) if match else None


def salvage_event_id(raw: bytes) -> str:
    """The event id at the end of a line that was refused, or empty: it keeps the source's sequence whole."""
    tail = raw.rstrip(b"\r\n").rpartition(b",")[2].decode("ascii", "replace").strip().strip('"')
    return tail if _EVENT_ID.fullmatch(tail) else ""


def parse_time(text: str, shop_zone: tzinfo) -> datetime:
    """ISO 8601 with or without a zone, or the public file's `12/1/2010 8:26`; the answer is UTC."""
    try:
        time = datetime.strptime(text, "%m/%d/%Y %H:%M") if "/" in text else datetime.fromisoformat(text)  # noqa: DTZ007 (the zone follows)
        zoned = time if time.tzinfo else time.replace(tzinfo=shop_zone)
        return zoned.astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError) as error:
        raise RefusedLineError(Reason.TIME, f"{text[:40]!r} is no time") from error


def _columns(raw: bytes) -> list[str]:
    if len(raw) > MAX_LINE_BYTES:
        raise RefusedLineError(Reason.TOO_LONG, f"{len(raw)} bytes are no order line")
    text = _text(raw.rstrip(b"\r\n"))
    try:
        values = next(csv.reader((text,), strict=True), [])
    except csv.Error as error:
        raise RefusedLineError(Reason.COLUMNS, f"not CSV: {error}") from error
    if len(values) not in (len(FIELDS), len(PUBLIC_FIELDS)):
        raise RefusedLineError(Reason.COLUMNS, f"{len(values)} columns instead of {len(FIELDS)}")
    if values[0].strip().lower().replace("no", "") == "invoice":
        raise RefusedLineError(Reason.HEADER, "a header line")
    if "\0" in text:
        raise RefusedLineError(Reason.COLUMNS, "a NUL byte")
    return values


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        text = raw.decode("latin-1")  # the public file's spreadsheet exports
        if salvage_event_id(raw):  # our own lines are UTF-8, always
            raise RefusedLineError(Reason.NOT_UTF8, f"byte {error.start} is not UTF-8") from error
        return text


def _quantity(text: str) -> int:
    if not _INTEGER.fullmatch(text) or not 0 < abs(int(text)) < MAX_QUANTITY:
        raise RefusedLineError(Reason.QUANTITY, f"{text[:40]!r} is no quantity")
    return int(text)


def _price(text: str) -> Decimal:
    if not _PRICE.fullmatch(text):
        raise RefusedLineError(Reason.UNIT_PRICE, f"{text[:40]!r} is no price")
    return Decimal(text)


def _customer(text: str) -> str:
    if text and not _CUSTOMER.fullmatch(text):
        raise RefusedLineError(Reason.CUSTOMER, f"{text[:40]!r} is no customer id")
    return text


def is_customer(text: str) -> bool:
    return bool(_CUSTOMER.fullmatch(text))
