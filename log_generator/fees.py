"""What stands on an invoice and is no product: postage, corrections, charges."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Fee:
    code: str  # no product code, which is how everyone downstream knows a fee
    name: str
    price: Decimal


def _fees(code: str, name: str, *prices: str) -> list[Fee]:
    return [Fee(code, name, Decimal(price)) for price in prices]


POSTAGE = _fees("POST", "POSTAGE", "15.00", "18.00", "28.00", "40.00")
OTHER_FEES = [
    *_fees("M", "Manual", "1.25", "8.50", "125.00"),
    *_fees("D", "Discount", "5.00", "27.50"),
    *_fees("C2", "CARRIAGE", "50.00"),
    *_fees("DOT", "DOTCOM POSTAGE", "112.40"),
    *_fees("BANK CHARGES", "Bank Charges", "15.00"),
]
FEES = (*POSTAGE, *OTHER_FEES)
