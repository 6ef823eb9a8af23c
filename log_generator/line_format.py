"""Orders as log lines: the bytes of `contracts.order_line.format_line`, many thousands at a time."""

import csv
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from contracts.order_line import Fate
from log_generator.customers import GUEST
from log_generator.log_lines import LogLines, number_of
from log_generator.orders import Orders

BULK_PRICE = Decimal("0.85")  # of the list price
_CENT = Decimal("0.01")
_SALE, _RETURN, _FEE, _GUEST = map(number_of, (Fate.SALE, Fate.RETURN, Fate.FEE, Fate.GUEST))


class LineFormat:
    """The texts that lines are joined from; made once for a shop."""

    def __init__(
        self,
        goods: Iterable[tuple[str, str, Decimal]],  # code, name, list price: the items, then the fees
        products: int,  # how many of the goods are items
        customers: Sequence[str],
        countries: Sequence[str],
        source: str,
        first_invoice: int,
    ) -> None:
        codes, names, prices = zip(*goods, strict=True)
        self._goods = _texts(f",{_csv(code, name)}," for code, name in zip(codes, names, strict=True))
        bulk = [(price * BULK_PRICE).quantize(_CENT) for price in prices]
        self._prices = _texts(format(price, "f") for price in (*prices, *bulk))
        self._customers = _texts((*map(_csv, customers), ""))  # the last one is the guest, place -1
        self._countries = _texts(f",{_csv(country)},{source}-" for country in countries)
        self._products = products
        self._first_invoice = first_invoice

    def lines(self, orders: Orders, first_sequence: int) -> LogLines:
        invoice_of = orders.invoice_of
        sequences = np.arange(first_sequence, first_sequence + len(orders))
        bulk = orders.bulk[invoice_of] & (orders.items < self._products)
        texts = pc.binary_join_element_wise(
            _take(self._invoices(orders, first_sequence), invoice_of),
            _take(self._goods, orders.items),
            _text(orders.quantities),
            _take(_time_texts(orders.times), invoice_of),
            _take(self._prices, orders.items + len(self._goods) * bulk),
            _take(self._buyers(orders), invoice_of),
            _text(sequences),
            pa.scalar("\n", pa.large_string()),
            pa.scalar("", pa.large_string()),
        )
        return LogLines(
            texts.cast(pa.large_binary()), sequences, orders.times[invoice_of], self._outcomes(orders)
        )

    def _invoices(self, orders: Orders, first_sequence: int) -> pa.LargeStringArray:
        """Numbered by the sequence of their first line, so that no two are alike; C for a credit note."""
        first_lines = np.searchsorted(orders.invoice_of, np.arange(len(orders.times)))
        numbers = _text(first_lines + self._first_invoice + first_sequence)
        credited = pc.binary_join_element_wise(
            pa.scalar("C", pa.large_string()), numbers, pa.scalar("", pa.large_string())
        )
        return pc.if_else(pa.array(orders.returned), credited, numbers)

    def _buyers(self, orders: Orders) -> pa.LargeStringArray:
        places = np.where(orders.customers == GUEST, len(self._customers) - 1, orders.customers)
        return pc.binary_join_element_wise(
            pa.scalar(",", pa.large_string()),
            _take(self._customers, places),
            _take(self._countries, orders.countries),
            pa.scalar("", pa.large_string()),
        )

    def _outcomes(self, orders: Orders) -> NDArray[np.int8]:
        guest = (orders.customers == GUEST)[orders.invoice_of]
        fee = orders.items >= self._products
        outcomes = np.select((fee, orders.returned[orders.invoice_of], guest), (_FEE, _RETURN, _GUEST), _SALE)
        return outcomes.astype(np.int8)


def _csv(*values: str) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(("", *values))  # a lone empty field would be quoted
    return text.getvalue()[1:]


def _texts(values: Iterable[str]) -> pa.LargeStringArray:
    return pa.array(list(values), pa.large_string())


def _text(numbers: NDArray[np.int32] | NDArray[np.int64]) -> pa.LargeStringArray:
    return pa.array(numbers).cast(pa.large_string())


def _take(texts: pa.LargeStringArray, places: NDArray[np.int32] | NDArray[np.int64]) -> pa.LargeStringArray:
    return texts.take(pa.array(places))


def _time_texts(times: NDArray[np.int64]) -> pa.LargeStringArray:
    """`,2026-11-20T11:00:00Z,`"""
    spaced = pa.array(times).cast(pa.timestamp("s")).cast(pa.large_string())
    stamps = pc.binary_replace_slice(spaced, 10, 11, "T")
    return pc.binary_join_element_wise(
        pa.scalar(",", pa.large_string()),
        stamps,
        pa.scalar("Z,", pa.large_string()),
        pa.scalar("", pa.large_string()),
    )
