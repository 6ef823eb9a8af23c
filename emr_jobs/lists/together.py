"""What is bought together with each item: the share of its invoices that hold the other one."""

import numpy as np
from scipy import sparse

from contracts.lists import STORED_ENTRIES
from emr_jobs.als.kernel import Ints
from emr_jobs.orders import Orders, distinct
from emr_jobs.settings import Settings
from emr_jobs.topk import NOTHING

_BLOCK_ITEMS = 2_048  # their counts against all others are held at once


def together(orders: Orders, settings: Settings, count: int = STORED_ENTRIES) -> Ints:
    """A row for each item, best first, topk.NOTHING where fewer have the support."""
    held = baskets(orders, settings.together_basket_items)
    best = np.full((len(orders.items), count), NOTHING, np.int32)
    invoices = np.maximum(1, np.asarray(held.sum(axis=0)).ravel())
    by_item = held.T.tocsr()
    for first in range(0, len(orders.items), _BLOCK_ITEMS):
        both = (by_item[first : first + _BLOCK_ITEMS] @ held).tocoo()
        supported = (both.data >= settings.together_support) & (both.row + first != both.col)
        item, other, times = both.row[supported] + first, both.col[supported], both.data[supported]
        order = np.lexsort((other, -times / invoices[item], item))
        item, other = item[order], other[order]
        place = np.arange(len(item)) - np.searchsorted(item, item)
        shown = place < count
        best[item[shown], place[shown]] = other[shown]
    return best


def baskets(orders: Orders, largest: int) -> sparse.csr_matrix:
    """Invoices by items, 1 where an invoice sold one."""
    width = max(1, len(orders.items))
    held = distinct(orders.invoice[orders.sold].astype(np.int64) * width + orders.item[orders.sold])
    number = held // width  # sorted, for `held` is
    first = np.append(True, number[1:] != number[:-1])[: len(number)]
    invoice = np.cumsum(first) - 1
    size = np.bincount(invoice)
    basket = size[invoice] <= largest
    ones = np.ones(int(basket.sum()), np.int32)
    shape = (len(size), len(orders.items))
    return sparse.csr_matrix((ones, (invoice[basket], held[basket] % width)), shape=shape)
