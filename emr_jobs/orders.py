"""Order lines as columns of integers, ids encoded once: the lake's in retrain, a file's in backtest."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from contracts.order_line import Fate

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

GUEST = -1  # the customer of a line that names none
DAY_SECONDS = 86_400

# What `from_arrow` reads of an order line.
COLUMNS = ("customer", "stock_code", "invoice", "quantity", "time", "unit_price", "fate")
USED_FATES = (Fate.SALE, Fate.RETURN, Fate.GUEST)  # a fee is no product


@dataclass(frozen=True, slots=True)
class Orders:
    """Grain: one order line of a product. The names are sorted; a code is a row of them."""

    customers: pa.StringArray
    items: pa.StringArray
    names: pa.StringArray  # of the items, as people call them; empty where none is known
    customer: Ints  # GUEST where none is known
    item: Ints
    invoice: Ints
    seconds: Longs  # since 1970, UTC
    quantity: Longs  # below zero for what came back
    price: Floats  # of one unit; 0 where none is known
    sold: Flags  # a sale at a price above zero: gifts tell no taste

    def __len__(self) -> int:
        return len(self.item)

    def where(self, chosen: Flags) -> "Orders":
        """The chosen lines, with only the customers and items that they name."""
        known, customer = np.unique(self.customer[chosen], return_inverse=True)
        customer = customer - 1 if len(known) and known[0] == GUEST else customer
        items, item = np.unique(self.item[chosen], return_inverse=True)
        return Orders(
            customers=self.customers.take(pa.array(known[known != GUEST])),
            items=self.items.take(pa.array(items)),
            names=self.names.take(pa.array(items)),
            customer=customer.astype(np.int32),
            item=item.astype(np.int32),
            invoice=self.invoice[chosen],
            seconds=self.seconds[chosen],
            quantity=self.quantity[chosen],
            price=self.price[chosen],
            sold=self.sold[chosen],
        )

    def named(self, names: Mapping[str, str]) -> "Orders":
        """With the names of these codes."""
        found = [names.get(code, "") for code in self.items.to_pylist()]
        return replace(self, names=pa.array(found, pa.string()))


def from_arrow(table: pa.Table) -> Orders:
    """The lines of the used fates, in an order that does not depend on how the table was read."""
    fate = table["fate"]
    table = table.filter(pc.is_in(fate, pa.array([str(used) for used in USED_FATES])))
    customers, customer = _encoded(table["customer"])
    if len(customers) and not customers[0].as_py():  # the empty name sorts first
        customers, customer = customers.slice(1), customer - 1
    items, item = _encoded(table["stock_code"])
    _, invoice = _encoded(table["invoice"])
    returned = _numpy(pc.equal(table["fate"], str(Fate.RETURN)))
    price = np.nan_to_num(_numpy(table["unit_price"].cast(pa.float32())), nan=0, posinf=0, neginf=0)
    quantity = np.abs(_numpy(table["quantity"]).astype(np.int64))
    orders = Orders(
        customers=customers,
        items=items,
        names=pa.array([""] * len(items), pa.string()),
        customer=customer.astype(np.int32),
        item=item,
        invoice=invoice,
        seconds=_numpy(table["time"].cast(pa.timestamp("s", "UTC"), safe=False).cast(pa.int64())),
        quantity=np.where(returned, -quantity, quantity),
        price=price,
        sold=~returned & (price > 0),
    )
    return _in_order(orders)


def distinct(keys: Longs) -> Longs:
    """The different ones, sorted: numpy's own `unique` hashes them, which takes ten times as long."""
    keys = np.sort(keys)
    new = np.ones(len(keys), np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=new[1:])
    return keys[new]


def epoch(time: datetime) -> int:
    return int(time.timestamp())


def _in_order(orders: Orders) -> Orders:
    columns = ("customer", "item", "invoice", "seconds", "quantity", "price")
    order = np.lexsort([getattr(orders, name) for name in reversed(columns)])
    return replace(orders, **{name: getattr(orders, name)[order] for name in (*columns, "sold")})


def _encoded(column: pa.ChunkedArray) -> tuple[pa.StringArray, Ints]:
    """The sorted names of a column, and each row's place among them."""
    encoded = column.cast(pa.string()).combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.unify_dictionaries().combine_chunks()
    order = pc.sort_indices(encoded.dictionary)
    rank = np.empty(len(order), np.int32)
    rank[_numpy(order)] = np.arange(len(order), dtype=np.int32)
    return encoded.dictionary.take(order), rank[_numpy(encoded.indices)]


def _numpy(column: Any) -> npt.NDArray[Any]:
    return np.asarray(
        column.to_numpy(zero_copy_only=False) if isinstance(column, pa.Array) else column.to_numpy()
    )
