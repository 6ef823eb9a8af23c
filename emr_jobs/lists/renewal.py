"""Which customers are ranked in this run: everyone once a day, in between those whose orders changed.

What each list was made of is kept with the version: a digest of the orders for each customer.
"""

import io
import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from contracts.lists import CUSTOMER_LISTS, customer_key
from emr_jobs import arrays
from emr_jobs.orders import DAY_SECONDS, GUEST, Flags, Orders

Digests = npt.NDArray[np.uint64]

_SPREAD = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


class RankedUnreadableError(ValueError):
    """It is not known what the last lists were made of: everyone is ranked."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """What a version's customers' lists were made of."""

    customers: pa.StringArray
    digests: Digests
    everyone: int  # when everyone was ranked last, seconds
    ranker: str  # what ranked them: lists of two rankers are not mixed


def digests(orders: Orders) -> Digests:
    """A number for each customer that changes with any line of their orders, and with nothing else."""
    codes = np.array([zlib.crc32(code.encode()) for code in orders.items.to_pylist()], np.uint64)
    known = orders.customer != GUEST
    line = codes[orders.item[known]] * _SPREAD[0]
    line ^= orders.seconds[known].astype(np.uint64) * _SPREAD[1]
    line ^= orders.quantity[known].astype(np.uint64) * _SPREAD[2]
    line ^= line >> np.uint64(29)
    line *= _SPREAD[1]
    line ^= line >> np.uint64(32)
    found = np.zeros(len(orders.customers), np.uint64)
    np.add.at(found, orders.customer[known], line)
    return found


def kept(last: Ranked, rows: pa.Table, orders: Orders, now: Digests) -> tuple[Flags, pa.Table]:
    """Whose lists stay as they are, and the rows: their orders are the same, and each item is still known."""
    unchanged = _same(last, orders, now)
    places = pc.index_in(pa.array(_keys(orders.customers)), rows["key"].combine_chunks())
    unchanged &= places.is_valid().to_numpy(zero_copy_only=False)
    lists = rows.take(places.filter(pa.array(unchanged)))
    whole = np.ones(lists.num_rows, np.bool_)
    for name in CUSTOMER_LISTS:
        whole &= _all_known(lists[name].combine_chunks(), orders.items)
    unchanged[np.flatnonzero(unchanged)[~whole]] = False
    return unchanged, lists.filter(pa.array(whole))


def due(last: Ranked, ranker: str, now: int) -> str:
    """Why everyone is ranked in this run, or nothing."""
    if last.ranker != ranker:
        return f"the ranker is {ranker}, the last lists' was {last.ranker}"
    if now < last.everyone or now - last.everyone >= DAY_SECONDS:
        return "a day has passed since everyone was"
    return ""


def dump(ranked: Ranked) -> bytes:
    file = io.BytesIO()
    customers = np.array(ranked.customers.to_pylist(), np.str_)
    np.savez_compressed(
        file, customers=customers, digests=ranked.digests, everyone=ranked.everyone, ranker=ranked.ranker
    )
    return file.getvalue()


def load(raw: bytes) -> Ranked:
    with arrays.reading(raw, RankedUnreadableError, "orders of the last lists") as held:
        customers = pa.array(held["customers"].tolist(), pa.string())
        found = Ranked(customers, held["digests"], int(held["everyone"]), str(held["ranker"]))
    if found.digests.shape != (len(customers),) or found.digests.dtype != np.uint64:
        raise RankedUnreadableError(f"{len(customers)} customers have {found.digests.shape} digests")
    return found


def _same(last: Ranked, orders: Orders, now: Digests) -> Flags:
    places = pc.index_in(orders.customers, last.customers)
    known: Flags = places.is_valid().to_numpy(zero_copy_only=False)
    same = known.copy()
    rows = places.drop_null().to_numpy()
    same[known] = last.digests[rows] == now[known]
    return same


def _all_known(lists: pa.ListArray, items: pa.StringArray) -> Flags:
    """Row by row, whether every code is an item of today's."""
    known = pc.is_in(lists.flatten(), items).to_numpy(zero_copy_only=False)
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    whole = np.ones(len(lists), np.bool_)
    whole[np.repeat(np.arange(len(lists)), lengths)[~known]] = False
    return whole


def _keys(customers: pa.StringArray) -> list[str]:
    return [customer_key(name) for name in customers.to_pylist()]
