"""The made purchases of bench.purchases as order lines: what ranking and a whole retrain are measured on."""

import numpy as np
import pyarrow as pa

from bench import purchases
from emr_jobs.orders import DAY_SECONDS, Orders

LINES_AN_INVOICE = 12
YEAR_SECONDS = 365 * DAY_SECONDS


def orders(customers: int, items: int, pairs: int, now: int, seed: int = 0) -> Orders:
    """The same purchases as order lines of the year before `now`, a dozen an invoice."""
    noise = np.random.default_rng(seed)
    customer, item = purchases.lines(customers, items, pairs, noise)
    lines = np.bincount(customer, minlength=customers)
    invoices = -(-lines // LINES_AN_INVOICE)
    first = np.cumsum(invoices) - invoices
    place = noise.random(len(customer), np.float32) * invoices[customer]
    invoice = (first[customer] + place.astype(np.int32)).astype(np.int32)
    seconds = now - 1 - noise.integers(0, YEAR_SECONDS, int(invoices.sum()))
    order = np.lexsort((invoice, item, customer))
    customer, item, invoice = customer[order], item[order], invoice[order]
    prices = 1 + 20 * noise.random(items, np.float32)
    return Orders(
        customers=pa.array([f"{number:07d}" for number in range(customers)]),
        items=pa.array([_code(number) for number in range(items)]),
        names=pa.array([_name(noise) for _ in range(items)]),
        customer=customer,
        item=item,
        invoice=invoice,
        seconds=seconds[invoice],
        quantity=noise.integers(1, 9, len(customer)),
        price=prices[item],
        sold=np.ones(len(customer), np.bool_),
    )


def _name(noise: np.random.Generator) -> str:
    """Four words of some thousand, as a shop's names have: few words stand in many of them."""
    return " ".join(f"word{word:.0f}" for word in np.minimum(2_000, noise.pareto(0.7, 4)))


def _code(number: int) -> str:
    """Every third item has four letter variants."""
    return f"{number:06d}" if number % 3 else f"{number // 12 * 12:06d}{'ABCD'[number % 12 // 3]}"
